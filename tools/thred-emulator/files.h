/* SPDX-License-Identifier: MIT */
/* files - what the emulator leaves in DIR for the programs that are tested against it. */
#ifndef EMULATOR_FILES_H
#define EMULATOR_FILES_H

#include "ca.h"

#include <glib.h>
#include <stdbool.h>

/*
 * Makes DIR (0700) if it is missing, and removes port files of an earlier run, so that nobody who
 * waits for them meets a server that is gone. Returns DIR's absolute path, or NULL.
 */
char *files_prepare(const char *dir, GError **error);

/* Also at the end, so that the next run in DIR can be waited for at once. */
bool files_remove_ports(const char *dir, GError **error);

typedef struct Leaflet {
  const Certificates *certificates;
  const char *partner;
  const char *api_key;
  const char *address; /* see Listener.address */
  unsigned port;
  unsigned proxy_port;    /* 0: there is none */
  bool every_environment; /* all four are active, not sandbox alone */
  bool on_443; /* Thred's hosts lead here on port 443: nothing has to be told where to connect */
} Leaflet;

/* ca.pem, server.pem, credentials, env.sh and conf.d/50-emulator.conf: all but the ports. */
bool files_write(const char *dir, const Leaflet *leaflet, GError **error);

/* The directory and all that is in it. What cannot be removed stays. */
void files_remove(const char *dir);

/* `name` is "port", "http-port" or "proxy-port". */
bool files_write_port(const char *dir, const char *name, unsigned port, GError **error);

#endif
