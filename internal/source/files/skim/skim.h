/*
 * What the inner loops of package skim are told, and what they tell. They judge nothing: a line of which they are not sure is left
 * to the caller, who has the last word on it.
 *
 * Bounds: the caller gives text of `size` bytes with SLACK bytes behind it that may be loaded. No loop writes into the text.
 */
#ifndef WEIR_SKIM_H
#define WEIR_SKIM_H

#include <stdint.h>

enum { SLACK = 64 };

/* Ways a value is written. */
enum {
	FORM_NULL = 1,
	FORM_BOOL = 2,
	FORM_WHOLE = 4,    /* -12 */
	FORM_FRACTION = 8, /* -12.50 */
	FORM_DAY = 16,     /* 2026-01-02 */
	FORM_MOMENT = 32,  /* 2026-01-02 03:04:05, as moment has it */
	FORM_TEXT = 64
};

/* times.c */

/* real_day takes ten bytes, 2026-01-02; the day is in the calendar, and not of the year 0. */
int real_day(const uint8_t *p);
/* moment takes a day, a time to the microsecond, and perhaps Z, in size bytes. */
int moment(const uint8_t *p, uint32_t size);

/* csv.c */

/* field is what the texts of one field must look like. */
struct field {
	uint32_t form; /* FORM_WHOLE, FORM_FRACTION, FORM_DAY, FORM_MOMENT, or FORM_TEXT for anything */
	uint32_t before, behind; /* most digits before and behind the point */
};

/* WINDOW is how many bytes of a text are looked at in one go: what is noted of them stays in a core's first cache. */
enum { WINDOW = 16 << 10 };

/* csv is how records are written, what was found of them, and scratch. */
struct csv {
	uint32_t fields; /* 1 to WINDOW */
	uint8_t delimiter, quote;

	uint32_t lines;        /* looked at, those left included */
	uint32_t lefts;        /* how many of them are left to the caller */
	uint32_t left[WINDOW]; /* where they begin */
	uint32_t high;         /* not 0: not all of their bytes are ASCII */

	uint64_t other[WINDOW / 64 + 2]; /* which bytes of a window are no digits */
	uint64_t odd[WINDOW / 64];       /* which are quotes, or carriage returns within a line */
	uint16_t ends[WINDOW + 64];      /* where fields end, behind one that ends before the window */
	uint16_t rows[WINDOW];           /* the first of the ends of each line that has as many as it should */
	uint8_t doubt[WINDOW];           /* of a row */
};

/*
 * csv_lines looks at the lines of text that begin at from and before end, as far as they are ended by a line feed, and gives the
 * offset of the first that it did not come to. It stops behind the first window with lines that it leaves to the caller.
 */
int64_t csv_lines(struct csv *csv, const struct field *fields, const uint8_t *text, int64_t from, int64_t end, int64_t size);

/* json.c */

/* seen is what was seen of one key. */
struct seen {
	uint32_t forms;
	uint32_t before, behind;
	uint32_t digits; /* of a number, or within a string: 0 up to 15 of them, 1 more, 2 more of a number with a point */
	uint32_t word;   /* a string begins with a letter from g to z */
};

/* follower is the text that stood between one value and the next, and whose value that is. */
struct follower {
	uint32_t text; /* where it begins among the texts, with 16 bytes behind it that may be loaded */
	uint32_t size; /* 0: none is known */
	uint32_t key;
};

/*
 * json_lines looks at the lines of text that begin at from and before end, and gives the offset of the first that it leaves to the
 * caller, which notes all of that line again. lines gets how many it did, longest the length of the longest where that is more.
 */
int64_t json_lines(const struct follower *followers, const uint8_t *texts, struct seen *seen, const uint8_t *text, int64_t from, int64_t end,
                   int64_t size, uint32_t *lines, uint32_t *longest);

#endif
