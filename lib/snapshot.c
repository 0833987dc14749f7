/* SPDX-License-Identifier: MIT */
#include "lib/snapshot.h"

#include <string.h>
#include <sys/stat.h>

/* One table of records inside the block; what the checks below walk over. */
static bool table_fits(const SnapshotHeader *h, SnapshotTable table, size_t record)
{
  return table.offset >= sizeof *h && table.offset % 8 == 0 && table.offset <= h->size &&
         table.count <= (h->size - table.offset) / record;
}

/* The last byte of the block is NUL (checked first), so any offset inside it is a string. */
static bool string_fits(const SnapshotHeader *h, uint32_t offset)
{
  return offset == 0 || (offset >= sizeof *h && offset < h->size);
}

static bool string_set(const SnapshotHeader *h, uint32_t offset)
{
  return offset != 0 && string_fits(h, offset);
}

/* `run.offset` is an index here. */
static bool run_fits(SnapshotTable run, SnapshotTable table)
{
  return run.offset <= table.count && run.count <= table.count - run.offset;
}

static bool tables_fit(const SnapshotHeader *h)
{
  return table_fits(h, h->sources, sizeof(SnapshotSource)) &&
         table_fits(h, h->environments, sizeof(SnapshotEnvironment)) &&
         table_fits(h, h->hosts, sizeof(SnapshotHost)) &&
         table_fits(h, h->routes, sizeof(SnapshotRoute)) &&
         table_fits(h, h->stack, sizeof(SnapshotStackEntry)) &&
         table_fits(h, h->options, sizeof(SnapshotOption)) &&
         table_fits(h, h->identities, sizeof(SnapshotIdentity)) &&
         table_fits(h, h->problems, sizeof(SnapshotProblem));
}

static bool environment_fits(const SnapshotHeader *h, const SnapshotEnvironment *e)
{
  SnapshotTable hosts = {e->first_host, e->host_count};
  return string_set(h, e->name) && e->active <= 1 && run_fits(hosts, h->hosts) &&
         (!e->active || e->host_count > 0) && string_fits(h, e->business) &&
         (!e->business || strlen(snapshot_string(h, e->business)) == 36) && e->pin_business <= 1 &&
         e->allow <= 3 && e->existing_authorization <= 1 && string_fits(h, e->key_created) &&
         string_fits(h, e->ca_file) && string_fits(h, e->connect_to) &&
         run_fits(e->credentials, h->stack) && run_fits(e->next, h->stack) &&
         string_fits(h, e->file) && string_fits(h, e->allow_file) && string_fits(h, e->pin_file);
}

static bool stack_entry_fits(const SnapshotHeader *h, const SnapshotStackEntry *s)
{
  for (size_t i = 0; i < 4; i++)
    if (s->action[i] > SNAPSHOT_ACTION_CONTINUE)
      return false;
  return string_set(h, s->name) && string_set(h, s->module) && run_fits(s->options, h->options) &&
         run_fits(s->identities, h->identities) && s->unidentified <= 1;
}

static bool route_fits(const SnapshotHeader *h, const SnapshotRoute *r)
{
  return string_set(h, r->name) && string_set(h, r->methods) && string_set(h, r->path) &&
         snapshot_string(h, r->path)[0] == '/' && r->token <= SNAPSHOT_TOKEN_BUSINESS &&
         string_fits(h, r->file);
}

static bool records_fit(const SnapshotHeader *h)
{
  for (uint32_t i = 0; i < h->sources.count; i++)
    if (!string_set(h, snapshot_source(h, i)->path))
      return false;
  for (uint32_t i = 0; i < h->environments.count; i++)
    if (!environment_fits(h, snapshot_environment(h, i)))
      return false;
  for (uint32_t i = 0; i < h->hosts.count; i++)
    if (!string_set(h, snapshot_host(h, i)->name) ||
        snapshot_host(h, i)->environment >= h->environments.count)
      return false;
  for (uint32_t i = 0; i < h->routes.count; i++)
    if (!route_fits(h, snapshot_route(h, i)))
      return false;
  for (uint32_t i = 0; i < h->stack.count; i++)
    if (!stack_entry_fits(h, snapshot_stack(h, i)))
      return false;
  for (uint32_t i = 0; i < h->options.count; i++) {
    const SnapshotOption *o = snapshot_option(h, i);
    if (!string_set(h, o->key) || !string_set(h, o->value) || !string_fits(h, o->file))
      return false;
  }
  for (uint32_t i = 0; i < h->identities.count; i++)
    if (snapshot_identity(h, i)->kind > 3 || !string_set(h, snapshot_identity(h, i)->text))
      return false;
  for (uint32_t i = 0; i < h->problems.count; i++)
    if (!string_set(h, snapshot_problem(h, i)->text) ||
        !string_fits(h, snapshot_problem(h, i)->file))
      return false;
  return true;
}

bool snapshot_check(const void *bytes, size_t size)
{
  const SnapshotHeader *h = bytes;
  return size > sizeof *h && size <= SNAPSHOT_MAX && h->magic == SNAPSHOT_MAGIC &&
         h->layout == SNAPSHOT_LAYOUT && h->size == size && ((const char *)bytes)[size - 1] == 0 &&
         tables_fit(h) &&
         (h->default_environment == SNAPSHOT_NONE ||
          h->default_environment < h->environments.count) &&
         h->log <= SNAPSHOT_LOG_DEBUG && h->seal <= SNAPSHOT_SEAL_OFF && records_fit(h);
}

SnapshotSource snapshot_stat(const char *path)
{
  SnapshotSource source = {0};
  struct stat st;
  if (stat(path, &st))
    return source;
  source.present = 1;
  source.device = (uint64_t)st.st_dev;
  source.inode = (uint64_t)st.st_ino;
  source.size = (uint64_t)st.st_size;
  source.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
  source.ctime_ns = (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec;
  return source;
}

bool snapshot_is_current(const Snapshot *snapshot)
{
  for (uint32_t i = 0; i < snapshot->sources.count; i++) {
    const SnapshotSource *was = snapshot_source(snapshot, i);
    SnapshotSource is = snapshot_stat(snapshot_text(snapshot, was->path));
    if (is.present != was->present || is.device != was->device || is.inode != was->inode ||
        is.size != was->size || is.mtime_ns != was->mtime_ns || is.ctime_ns != was->ctime_ns)
      return false;
  }
  return true;
}

bool snapshot_is_provisional(const Snapshot *snapshot)
{
  for (uint32_t i = 0; i < snapshot->stack.count; i++)
    if (snapshot_stack(snapshot, i)->unidentified)
      return true;
  return false;
}

uint32_t snapshot_find_environment(const Snapshot *snapshot, const char *name)
{
  for (uint32_t i = 0; i < snapshot->environments.count; i++)
    if (strcmp(snapshot_text(snapshot, snapshot_environment(snapshot, i)->name), name) == 0)
      return i;
  return SNAPSHOT_NONE;
}
