/* SPDX-License-Identifier: MIT */
/*
 * probe-binding.c - a program with plug-ins, each linked with a libcurl of its own choice.
 *
 *     probe-binding local|global|tail|closed easy|multi PLUGIN...
 *
 * Opens the plug-ins (RTLD_LOCAL, but for `global`) and lets each do two transfers
 * (binding-plugin.h), of URLs of its own; the program goes first if it is linked with a libcurl
 * itself (OWN_LIBCURL). `tail`: on handles that it asks the plug-in for. `closed`: closes them at
 * the end, and tells whether their libcurls are still there.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binding-plugin.h"

#define BASE "https://sandbox.thredfi.com/v1/platform/businesses/"

static const char *const urls[] = {BASE, BASE "3c90c3cc-0d44-4b50-8888-8dd25736052a/invoices/",
                                   BASE "11111111-1111-4111-8111-111111111111/invoices/"};

typedef struct Plugin {
  const char *file;
  void *handle;
  CURL *(*init)(void);
  void (*run_on)(CURL *, const char *, bool);
  void (*run)(const char *, bool);
} Plugin;

static void bind_one(void *handle, const char *name, void *member)
{
  void *symbol = dlsym(handle, name);
  if (!symbol)
    exit(1);
  memcpy(member, &symbol, sizeof symbol);
}

static Plugin open_plugin(const char *file, bool global)
{
  Plugin plugin = {.file = file};
  void *handle = plugin.handle = dlopen(file, RTLD_NOW | (global ? RTLD_GLOBAL : RTLD_LOCAL));
  if (!handle) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
  bind_one(handle, "plugin_init", &plugin.init);
  bind_one(handle, "plugin_run_on", &plugin.run_on);
  bind_one(handle, "plugin_run", &plugin.run);
  return plugin;
}

static void run(const Plugin *plugin, const char *url, bool multi, bool tail)
{
  CURL *curl = tail ? plugin->init() : NULL;
  if (!tail)
    plugin->run(url, multi);
  else if (curl)
    plugin->run_on(curl, url, multi);
  else
    printf("no handle\n");
}

static void close_plugin(const Plugin *plugin)
{
  const bool gnutls = strstr(plugin->file, "gnutls") != NULL;
  dlclose(plugin->handle);
  void *libcurl = dlopen(gnutls ? "libcurl-gnutls.so.4" : "libcurl.so.4", RTLD_LAZY | RTLD_NOLOAD);
  puts(libcurl ? "kept" : "gone");
}

int main(int argc, char **argv)
{
  Plugin plugins[2];
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (argc < 4 || argc > 5)
    return 64;
  bool global = strcmp(argv[1], "global") == 0, tail = strcmp(argv[1], "tail") == 0;
  bool multi = strcmp(argv[2], "multi") == 0;
  for (int i = 3; i < argc; i++)
    plugins[i - 3] = open_plugin(argv[i], global);
  for (int round = 0; round < 2; round++) {
#ifdef OWN_LIBCURL
    plugin_run(urls[0], multi);
#endif
    for (int i = 3; i < argc; i++)
      run(&plugins[i - 3], urls[i - 2], multi, tail);
  }
  for (int i = 3; strcmp(argv[1], "closed") == 0 && i < argc; i++)
    close_plugin(&plugins[i - 3]);
  return 0;
}
