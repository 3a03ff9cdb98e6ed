/*
 * banned.h - calls this project does without. Every source of a room gets it through the compiler's
 * command line, so that a use does not compile.
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets atoi atol atof popen

#endif
