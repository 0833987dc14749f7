/* SPDX-License-Identifier: MIT */
/* service - a running emulator: its directory, its sockets and the servers on them. */
#ifndef EMULATOR_SERVICE_H
#define EMULATOR_SERVICE_H

#include "ca.h"
#include "emulator.h"
#include "listener.h"
#include "options.h"
#include "proxy.h"
#include "server.h"

/* In a namespace each kind of listener is there for IPv4, and for IPv6 where there is any. */
#define FAMILIES 2

typedef struct Service {
  const Options *options;
  char *dir; /* absolute */
  Certificates certificates;
  Listener https[FAMILIES], http[FAMILIES], proxy; /* fd -1: there is none */
  Emulator *emulator;
  Server *servers[2 * FAMILIES];
  Proxy *proxy_server;
} Service;

/*
 * In this order: all but the first fail with `error`. `dir` is --dir or what stands in for it.
 * After service_start() there are threads. service_stop() is for a service that got no further,
 * too.
 */
void service_init(Service *service, const Options *options);
bool service_prepare(Service *service, const char *dir, GError **error);
bool service_listen(Service *service, GError **error);
bool service_publish(Service *service, GError **error);
bool service_start(Service *service, GError **error);
void service_stop(Service *service);

/* In place of service_listen(): sockets on port 443, and 80, of another network namespace. */
void service_adopt(Service *service, const int *https, const int *http, unsigned families);

/* Whether it has what it was given by service_adopt(). */
bool service_is_on_443(const Service *service);

#endif
