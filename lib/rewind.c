/* SPDX-License-Identifier: MIT */
#include "lib/rewind.h"

#include <stdio.h>
#include <string.h>

#include "lib/regular-file.h"

/* ---- forms ---- */

/* formdata.h's flags: what a part is read from. */
static bool is_part_proved(const struct curl_httppost *part)
{
  if (part->flags & CURL_HTTPPOST_CALLBACK)
    return false;
  return !(part->flags & (CURL_HTTPPOST_FILENAME | CURL_HTTPPOST_READFILE)) ||
         is_regular_file(part->contents);
}

static bool is_form_proved(const struct curl_httppost *form)
{
  for (; form; form = form->next)
    for (const struct curl_httppost *part = form; part; part = part->more)
      if (!is_part_proved(part))
        return false;
  return true;
}

/* ---- what is read from a function ---- */

/* libcurl's default, and what programs give explicitly: READDATA is a FILE. */
static bool reads_file(const PreloadProgram *program)
{
  return !program->read || program->read == (curl_read_callback)fread;
}

size_t rewind_read(char *buffer, size_t size, size_t count, void *clientp)
{
  Handle *handle = clientp;
  const PreloadProgram *program = handle->watched;
  size_t given = program->read ? program->read(buffer, size, count, program->read_data)
                               : fread(buffer, size, count, program->read_data);
  if (given == 0)
    handle->read_ended = true;
  else if (given <= size * count) /* else it is CURL_READFUNC_ABORT or _PAUSE */
    handle->was_read += (curl_off_t)given;
  return given;
}

/* With `over` it stays at the beginning; else libcurl may be reading on. */
static bool is_seek_proved(const Handle *handle, bool over)
{
  const PreloadProgram *program = handle->watched;
  if (!over && handle->was_read < 0)
    return false;
  if (program->seek(program->seek_data, 0, SEEK_SET) != CURL_SEEKFUNC_OK)
    return false;
  return over || handle->read_ended ||
         program->seek(program->seek_data, handle->was_read, SEEK_SET) == CURL_SEEKFUNC_OK;
}

static bool is_file_proved(const Handle *handle, bool over)
{
  FILE *file = handle->watched->read_data;
  long now = handle->file_start < 0 ? -1 : ftell(file);
  if (now < 0 || fseek(file, handle->file_start, SEEK_SET))
    return false;
  return over || fseek(file, now, SEEK_SET) == 0;
}

static bool is_read_proved(const Handle *handle, bool over)
{
  const PreloadProgram *program = handle->watched;
  if (program->resumes)
    return false;
  if (program->seek)
    return is_seek_proved(handle, over);
  if (program->ioctl) /* it knows no way back to where it was */
    return (over || handle->read_ended) &&
           program->ioctl(handle->curl, CURLIOCMD_RESTARTREAD, program->ioctl_data) == CURLIOE_OK;
  return reads_file(program) && is_file_proved(handle, over);
}

/* ---- all of them ---- */

void rewind_note(Handle *handle, bool begins)
{
  const PreloadProgram *program = handle->watched;
  handle->file_start = -1;
  if (begins && program->body == PRELOAD_READ && reads_file(program) && !program->seek &&
      !program->ioctl && program->read_data)
    handle->file_start = ftell(program->read_data);
}

bool rewind_is_native(const Handle *handle, bool begins)
{
  const PreloadProgram *program = handle->watched;
  switch (program->body) {
  case PRELOAD_MIME:
    return !program->mime_unproved;
  case PRELOAD_FORM:
    return begins && is_form_proved(program->form); /* it may be half made */
  case PRELOAD_READ:
    /* libcurl rewinds a FILE to its first byte. */
    return !program->resumes && (program->seek || program->ioctl || handle->file_start == 0);
  default:
    return true;
  }
}

bool rewind_prove(const Handle *handle, bool over)
{
  const PreloadProgram *program = handle->watched;
  switch (program->body) {
  case PRELOAD_MIME:
    return !program->mime_unproved;
  case PRELOAD_FORM:
    return is_form_proved(program->form);
  case PRELOAD_READ:
    return is_read_proved(handle, over);
  default:
    return true;
  }
}
