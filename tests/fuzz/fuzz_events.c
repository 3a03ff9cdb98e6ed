/* rooms: base model control cli */
/*
 * Any bytes as an events.jsonl: what is no object is skipped, what is shown drives no terminal, and a file
 * that grows while it is followed says the same as one that is read when it is whole.
 */
#include "cli/shared/event_tail.h"
#include "fuzz.h"

static size_t take_all(struct event_tail *tail)
{
	json_t *event;
	size_t count = 0;
	while (event_tail_next(tail, &event)) {
		OWNED_TEXT line = {0};
		MUST(json_is_object(event));
		event_add_line(&line, event);
		must_be_tame(&line);
		(void)event_time(event);
		json_decref(event);
		count++;
	}
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tape tape = tape_of(data, size);
	struct error e = {0};
	char path[256];
	size_t half = tape.left / 2;
	snprintf(path, sizeof path, "%s/events.jsonl", scratch());
	scratch_write("events.jsonl", (struct tape){tape.at, half});
	struct event_tail *follower = event_tail_open(path, true, &e);
	MUST(follower);
	size_t followed = take_all(follower);
	FILE *file = fopen(path, "ae");
	MUST(file);
	if (size)
		MUST(fwrite(tape.at + half, 1, tape.left - half, file) == tape.left - half);
	fclose(file);
	followed += take_all(follower);
	event_tail_free(follower);
	struct event_tail *reader = event_tail_open(path, false, &e);
	MUST(reader && take_all(reader) == followed);
	event_tail_free(reader);
	return 0;
}
