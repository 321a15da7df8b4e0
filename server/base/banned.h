/* Force-included by the Makefile: calls that have a checked twin here do not compile. */
#ifndef CAIRN_BASE_BANNED_H
#define CAIRN_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Fortified headers make macros of some of these; a macro cannot be poisoned. */
#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef sprintf
#undef vsprintf

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets atoi atol atoll rand srand
#pragma GCC poison gmtime localtime ctime asctime strtok

#endif
