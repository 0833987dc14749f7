/* SPDX-License-Identifier: MIT */
/* contact.h - how far a request came on its way to a server, for whoever explains it. */
#ifndef THRED_LIB_CONTACT_H
#define THRED_LIB_CONTACT_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed, with `tried` false: nothing was sent out at all. */
typedef struct {
  bool tried;
  int result;     /* a CURLcode */
  int os_error;   /* errno of a connection that failed, 0: not known */
  long verify;    /* what OpenSSL has against the certificate (X509_V_ERR_...), 0: nothing */
  bool connected; /* the other side took the connection, whatever came after */
  /* Microseconds from the beginning; 0: it did not come so far, or (the second one, libcurl 7.88)
   * not to the end of what comes next. */
  int64_t resolved_us, connected_us, secured_us, ended_us;
  int tunnel;          /* status with which a proxy answered CONNECT, 0: there was none */
  char address[64];    /* of the server, or of the proxy; "": no connection */
  int port;            /* .. and its port */
  int64_t server_time; /* of the answer's Date, seconds since the epoch; 0: it had none */
  char said[256];      /* libcurl's own words for a failure; "": none that may be quoted */
} Contact;

#endif
