#include "probe/curl_calls.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

#include "base/reserve.h"

#define LIBRARY "libcurl.so.4"
enum { OLDEST = 0x075700 }; /* 7.87.0 */

static int find_calls(void *library, struct curl_calls *calls, struct error *e)
{
#define X(name)                                                                                    \
	{                                                                                          \
		void *address = dlsym(library, #name);                                             \
		if (!address)                                                                      \
			return fail(e, EXIT_FAILED, LIBRARY " lacks " #name);                      \
		memcpy(&calls->name, &address, sizeof address);                                    \
	}
	CURL_CALLS(X)
#undef X
	return 0;
}

static int initialise(const struct curl_calls *calls, struct error *e)
{
	const curl_version_info_data *info = calls->curl_version_info(CURLVERSION_NOW);
	if (info->version_num < OLDEST)
		return fail(
			e, EXIT_FAILED, LIBRARY " is %s, 7.87 or later is needed", info->version);
	if (calls->curl_global_init_mem(CURL_GLOBAL_DEFAULT, reserve_malloc, reserve_free,
		    reserve_realloc, reserve_strdup, reserve_calloc) != CURLE_OK)
		return fail(e, EXIT_FAILED, LIBRARY " could not be initialised");
	return 0;
}

const struct curl_calls *curl_load(struct error *e)
{
	static struct curl_calls loaded;
	static bool ready;
	struct curl_calls calls;
	if (ready)
		return &loaded;
	/* Never unloaded: a hanging name look-up is a thread that runs its code. */
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!library) {
		fail(e, EXIT_FAILED, "HTTP checks need libcurl (install libcurl4): %s", dlerror());
		return NULL;
	}
	if (find_calls(library, &calls, e) || initialise(&calls, e)) {
		dlclose(library);
		return NULL;
	}
	loaded = calls;
	ready = true;
	return &loaded;
}
