/* SPDX-License-Identifier: MIT */
/*
 * server.h - a program that runs beside the benchmark, with the shim or without, and answers each
 * line on its stdin with a figure.
 */
#ifndef THRED_TESTS_BENCH_SERVER_H
#define THRED_TESTS_BENCH_SERVER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

typedef struct {
  FILE *ask, *answer;
  pid_t pid;
} Server;

/* This program again, with the arguments "serve" URL HEADER ("": none). */
Server server_start(const char *url, const char *header, bool shim);
/* What it answers; the benchmark ends if that is not more than 0. */
double server_ask(Server *server);
void server_stop(Server *server);

/* Runs a command to its end, whose status must be 0, and what it prints is the benchmark's. */
void server_command(const char *const *argv);
/* This program's path; static storage. */
const char *server_self(void);

/* In the program: answers each line with figure(data). */
int server_serve(double (*figure)(void *data), void *data);

/* A handle for the emulator that the benchmark runs; lists[2] are its lists, to be freed. */
CURL *server_handle(const char *url, const char *header, struct curl_slist **lists);
/* Tells the programs about the emulator. */
void server_prepare(void);

/* The header that a program would have which knows the token. */
void server_hard_coded(char *header, size_t size, const char *argument);

#endif
