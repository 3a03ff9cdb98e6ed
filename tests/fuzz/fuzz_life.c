/* rooms: base model plan heal stop watch */
/* beside: sim */
/*
 * The supervisor's core: bytes are what happens to services in a fake world (tests/sim). The first four
 * choose the services, what they need and what their processes do; then four each are a move: what is
 * done, to whom, how long after, with what. The rules of the simulation are asked after each event, and at
 * the end everything must heal. What breaks a rule is written down as a walk for `tests/sim/run --replay`.
 */
#include "../sim/walk.h"
#include "fuzz.h"

/* A wait of up to a minute, short ones as often as long ones. */
static int64_t wait_of(uint8_t byte)
{
	return (int64_t)(byte & 0x1f) << (byte >> 5) * 2 >> 3;
}

static int64_t arg_of(int64_t deed, uint8_t byte)
{
	static const int64_t signals[] = {15, 2, 9, 11, 6, 1, 13};
	if (deed == DEED_SIGNAL)
		return signals[byte % 7];
	if (deed == DEED_FREEZE)
		return wait_of(byte) * 8;
	if (deed == DEED_MOVE)
		return byte;
	return deed == DEED_STRAY ? byte & 63 : byte & 1;
}

static void take_moves(struct walk *walk, struct tape *tape)
{
	walk->moves = 1;
	walk->move[0] = (struct walk_move){.deed = DEED_UP};
	while (tape->left && walk->moves < WALK_MOVES) {
		struct walk_move *m = &walk->move[walk->moves++];
		m->deed = tape_byte(tape) % (DEED_STRAY + 1);
		m->service = tape_byte(tape) % walk->services;
		m->wait_ms = wait_of(tape_byte(tape));
		m->arg = arg_of(m->deed, tape_byte(tape));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct walk walk;
	struct ending ending;
	struct tape tape = tape_of(data, size);
	uint64_t seed = 0;
	for (int i = 0; i < 4; i++)
		seed = seed << 8 | tape_byte(&tape);
	walk_draw(&walk, seed);
	take_moves(&walk, &tape);
	walk_play(&walk, NULL, &ending);
	if (!ending.failed)
		return 0;
	walk_write(&walk, stderr);
	fprintf(stderr, "%s\n", ending.complaint);
	/* No abort(): the walk has taken its signal. */
	__builtin_trap();
}
