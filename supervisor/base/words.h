/*
 * words.h - the words of an enum, made of the table that makes the enum.
 *
 *	#define COLOURS(X) X(RED, "red") X(GREEN, "green")
 *	#define X(name, word) name,
 *	enum colour { COLOURS(X) };
 *	#undef X
 *	const char *colour_word(enum colour colour);
 *
 *	WORDS(colour_word, colour, COLOURS)	// in the source: defines the function
 *
 * The value must be one of the enum.
 */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#define WORDS_ROW(name, word) [name] = word,
#define WORDS(function, type, TABLE)                                                               \
	const char *function(enum type value)                                                      \
	{                                                                                          \
		static const char *const words[] = {TABLE(WORDS_ROW)};                             \
		return words[value];                                                               \
	}

#endif
