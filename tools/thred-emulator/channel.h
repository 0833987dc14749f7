/* SPDX-License-Identifier: MIT */
/* channel - what the emulator and the process that minds its command tell each other. */
#ifndef EMULATOR_CHANNEL_H
#define EMULATOR_CHANNEL_H

#include <stdbool.h>

#define CHANNEL_SOCKETS 4

typedef enum WordKind {
  WORD_READY = 1, /* of the minder: the command can be started; with the sockets of a namespace */
  WORD_TROUBLE, /* of the minder: `text` failed with the errno `number` (0: it says all); it is gone
                 */
  WORD_GO,      /* of the emulator: it serves */
  WORD_ENDED    /* of the minder: `number` is the command's status as waitpid(2) has it */
} WordKind;

typedef struct Word {
  WordKind kind;
  int number;
  char text[256];
  int sockets[CHANNEL_SOCKETS];
  unsigned socket_count;
} Word;

/* Both ends of it; descriptors that no program inherits. */
bool channel_open(int ends[2]);

bool channel_send(int channel, const Word *word);

/* Waits. False if the other side is gone. The caller closes the sockets. */
bool channel_receive(int channel, Word *word);

#endif
