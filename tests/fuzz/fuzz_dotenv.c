/* rooms: base model stackfile plan */
/*
 * Any bytes as an env file: no crash, every variable has a name and an origin, and what came out,
 * written down again, reads back the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "plan/formats.h"
#include "stackfile/dotenv.h"

static void read_back(struct arena *arena, const struct dotenv *env)
{
	struct complaints complaints = {0};
	struct dotenv again = {.arena = arena, .complaints = &complaints};
	OWNED_TEXT written = {0};
	for (size_t i = 0; i < env->count; i++) {
		text_addf(&written, "%s=", env->vars[i].name);
		formats_dotenv_value(&written, env->vars[i].value);
		text_add_char(&written, '\n');
	}
	if (!dotenv_parse(&again, "again", text_string(&written), written.length))
		abort();
	if (again.count != env->count || complaints.warnings)
		abort();
	for (size_t i = 0; i < env->count; i++)
		if (strcmp(env->vars[i].name, again.vars[i].name) != 0 ||
			strcmp(env->vars[i].value, again.vars[i].value) != 0)
			abort();
	complaints_release(&complaints);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const environment[] = {
		"HOME=/home/u", "EMPTY=", "ODD=$HOME ${X} 'q'", "A=1", NULL};
	struct arena *arena = arena_new();
	struct complaints complaints = {0};
	struct dotenv env = {.arena = arena, .environment = environment, .complaints = &complaints};
	dotenv_parse(&env, "fuzz.env", (const char *)data, size);
	for (size_t i = 0; i < env.count; i++)
		if (!dotenv_is_key(env.vars[i].name) ||
			strncmp(env.vars[i].origin, "fuzz.env:", 9) != 0)
			abort();
	read_back(arena, &env);
	complaints_release(&complaints);
	arena_free(arena);
	return 0;
}
