/* SPDX-License-Identifier: MIT */
#include "channel.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

/* cmsg(3): room for the descriptors, aligned as their header wants it. */
typedef union Control {
  struct cmsghdr header;
  char room[CMSG_SPACE(sizeof(int) * CHANNEL_SOCKETS)];
} Control;

bool channel_open(int ends[2])
{
  return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0;
}

bool channel_send(int channel, const Word *word)
{
  Control control = {0};
  Word copy = *word;
  struct iovec whole = {&copy, sizeof copy};
  struct msghdr message = {.msg_iov = &whole, .msg_iovlen = 1};
  size_t bytes = sizeof(int) * word->socket_count;
  if (bytes > 0) {
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE(bytes);
    control.header = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(bytes)};
    memcpy(CMSG_DATA(&control.header), word->sockets, bytes);
  }
  return sendmsg(channel, &message, MSG_NOSIGNAL) == (ssize_t)sizeof copy;
}

bool channel_receive(int channel, Word *word)
{
  Control control = {0};
  struct iovec whole = {word, sizeof *word};
  struct msghdr message = {.msg_iov = &whole,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  ssize_t got;
  do
    got = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got != (ssize_t)sizeof *word)
    return false;
  word->socket_count = 0;
  const struct cmsghdr *first = CMSG_FIRSTHDR(&message);
  if (first && first->cmsg_type == SCM_RIGHTS) {
    size_t bytes = first->cmsg_len - CMSG_LEN(0);
    memcpy(word->sockets, CMSG_DATA(&control.header), bytes);
    word->socket_count = (unsigned)(bytes / sizeof(int));
  }
  return true;
}
