/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors 0, 1 and 2 are there, whoever started us. */
#ifndef BASE_STDIO_FILL_H
#define BASE_STDIO_FILL_H

/*
 * Makes /dev/null of each of the descriptors 0, 1 and 2 that is closed.  First in main(): else
 * the next socket gets the number, and what is printed goes into it; libuv aborts on such a one.
 * Writing to such a standard output fails, as it would if it were closed.
 */
void stdio_fill(void);

#endif
