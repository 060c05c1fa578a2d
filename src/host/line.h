/*
** line.h: lines that a person types, with editing and a history where
** readline or libedit is on the machine.
*/

#ifndef MP_HOST_LINE_H
#define MP_HOST_LINE_H

#include <stdbool.h>
#include <stddef.h>

/* Does a person sit at the standard input? */
bool mp_line_is_terminal(void);

/*
** The next line of the standard input, without its newline, behind a prompt on
** the standard output; to be freed. NULL at the end, or when memory is out.
*/
char *mp_line_read(const char *prompt, size_t *len);

/* Puts a line into the history, if there is one. */
void mp_line_remember(const char *line);

#endif
