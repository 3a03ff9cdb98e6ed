/*
 * user_file.h - the user's own config.ini: what holds for all projects of one user.
 *
 * $XDG_CONFIG_HOME/stackup/config.ini, else ~/.config/stackup/config.ini, of the caller's
 * environment. Its [ports] is read after that of the stack file by the draft (draft_policy.c), which
 * also says what is wrong with it. One key of it is wanted earlier, because it decides about the very
 * first claim: `base`.
 */
#ifndef STACKFILE_USER_FILE_H
#define STACKFILE_USER_FILE_H

#include <stddef.h>
#include <stdint.h>

struct arena;

/* In the arena; NULL where neither variable is an absolute path, or where there is no such file. */
const char *user_file_path(struct arena *arena, const char *config_home, const char *home);
/*
 * [registry] keep.NAME of each name, in days. What the file does not say, and what it says wrongly (the
 * draft complains about it), leaves its days alone.
 */
void user_file_keep_days(const char *const *environment, const char *const *names, int *days,
	size_t count);
/* [ports] base; 0 where the file does not say it, or says nothing that could be used. */
uint16_t user_file_ports_base(const char *const *environment);

#endif
