/*
 * readers.h - one function per way of writing a file: each takes f->bytes apart and hands the pieces to the rules.
 *
 * None fails: what a reader does not understand it passes over. Comments go to find_comment().
 */
#ifndef SCAN_READERS_H
#define SCAN_READERS_H

#include "scan/find.h"

/* By libyaml; where that does not understand it (templates, broken files) line by line, with less confidence. */
void read_yaml(struct find *f);
void read_outline(struct find *f);
/* JSON with comments and commas too many; JavaScript, TypeScript; HCL. */
void read_json(struct find *f);
void read_script(struct find *f);
void read_terraform(struct find *f);
/* key = value below [section]: TOML; INI and systemd, where a section is one key. */
void read_toml(struct find *f);
void read_ini(struct find *f);
void read_nginx(struct find *f);
void read_caddy(struct find *f);
void read_haproxy(struct find *f);
void read_dotenv(struct find *f);
void read_procfile(struct find *f);
void read_dockerfile(struct find *f);
void read_makefile(struct find *f);
void read_shell(struct find *f);

/*
 * The comment of a line, from its # on: at the beginning or behind a blank, not in quotes. The line is cut before it;
 * what was cut is empty where there is none.
 */
struct slice cut_comment(struct slice *line);
/* All comments of a file whose comments begin so. */
void find_hash_comments(struct find *f);

#endif
