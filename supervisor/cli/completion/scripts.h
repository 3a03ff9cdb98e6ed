/*
 * scripts.h - the files stackup.bash, stackup.zsh and stackup.fish of this folder, put into the program
 * by the build (cmake/Embed.cmake). They are installed where the shells look for them, too.
 */
#ifndef CLI_COMPLETION_SCRIPTS_H
#define CLI_COMPLETION_SCRIPTS_H

#include <stddef.h>

struct embedded {
	const char *bytes;
	size_t length;
};

extern const struct embedded completion_bash, completion_zsh, completion_fish;

#endif
