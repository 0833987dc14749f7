/* SPDX-License-Identifier: MIT */
/* sweep - the end of all that a command has left behind. */
#ifndef EMULATOR_SWEEP_H
#define EMULATOR_SWEEP_H

/*
 * SIGTERM to every child of this process, and to what falls to it when a child ends; SIGKILL after
 * two seconds. Comes back when there is none left.
 */
void sweep_children(void);

#endif
