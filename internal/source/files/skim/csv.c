/*
 * CSV in two steps for each window of a text. The first finds, 64 bytes at a time, where fields and lines end and which bytes are no
 * digits. The second takes the window's lines column by column: what it does with a field waits for no other, which lets a core do
 * several at once.
 */
#include "skim.h"

#include "bytes.h"

/* LIMIT is more than any field that is certified is long; so many bits can be taken from anywhere among other. */
enum { LIMIT = 56 };

INLINE bytes odd_of(bytes b, uint8_t quote) { return either(equal(b, quote), equal(b, '\r')); }

/* NEXT writes where the lowest bit of end is, and takes it away. */
#define NEXT(i) out[i] = (uint16_t)(at + first(end | 1ull << 63)), end &= end - 1;

/* scan notes what stands in size bytes of text. It gives the number of ends, and that of line feeds in feeds. */
INLINE uint32_t scan(struct csv *csv, const uint8_t *text, uint32_t size, uint32_t *feeds, uint64_t *odd, bytes *all) {
	uint8_t delimiter = csv->delimiter, quote = csv->quote;
	uint32_t count = 0, lines = 0;
	uint64_t odds = 0;
	bytes seen = *all;
	for (uint32_t at = 0; at < size; at += 64) {
		const uint8_t *p = text + at;
		bytes a = load(p), b = load(p + 16), c = load(p + 32), d = load(p + 48);
		uint64_t feed = mask64(equal(a, '\n'), equal(b, '\n'), equal(c, '\n'), equal(d, '\n'));
		uint64_t end = mask64(equal(a, delimiter), equal(b, delimiter), equal(c, delimiter), equal(d, delimiter));
		csv->other[at / 64] = ~mask64(digits(a), digits(b), digits(c), digits(d));
		uint64_t within = ~0ull;
		if (size - at < 64) {
			within = (1ull << (size - at)) - 1;
			feed &= within;
			end &= within;
		}
		csv->odd[at / 64] = 0;
		if (mask(either(either(odd_of(a, quote), odd_of(b, quote)), either(odd_of(c, quote), odd_of(d, quote))))) {
			uint64_t back = mask64(equal(a, '\r'), equal(b, '\r'), equal(c, '\r'), equal(d, '\r'));
			back &= ~(feed >> 1 | (uint64_t)(p[63] == '\r' && at + 64 < size && p[64] == '\n') << 63); /* one that belongs to a line's end */
			odds |= csv->odd[at / 64] = (back | mask64(equal(a, quote), equal(b, quote), equal(c, quote), equal(d, quote))) & within;
		}
		seen = either(either(seen, either(a, b)), either(c, d));
		end |= feed;
		lines += (uint32_t)__builtin_popcountll(feed);
		uint32_t n = (uint32_t)__builtin_popcountll(end);
		uint16_t *out = csv->ends + 1 + count;
		count += n;
		/* Eight at once, since a core guesses badly how many there are. What is written too much will be written over. */
		for (uint32_t i = 0; i < n; i += 8, out += 8) {
			NEXT(0) NEXT(1) NEXT(2) NEXT(3) NEXT(4) NEXT(5) NEXT(6) NEXT(7)
		}
	}
	csv->other[(size + 63) / 64] = ~0ull;
	csv->ends[0] = UINT16_MAX;
	*feeds = lines;
	*odd = odds;
	*all = seen;
	return count;
}

/* is_odd says whether something odd stands in [from, to) of the window. */
static int is_odd(const struct csv *csv, uint32_t from, uint32_t to) {
	for (uint32_t i = from / 64; i * 64 < to; i++) {
		uint64_t odd = csv->odd[i];
		if (i == from / 64)
			odd &= ~0ull << from % 64;
		if (to - i * 64 < 64)
			odd &= (1ull << to % 64) - 1;
		if (odd)
			return 1;
	}
	return 0;
}

/* lines is what rows finds. */
struct lines {
	uint32_t rows, left, all;
	uint32_t next; /* where the first line begins that was not come to */
};

/*
 * rows parts the ends into lines that begin before limit: rows that have as many fields as they should, and others, which are left.
 * Where it is not exact, it does not look for line feeds amid a row; there are none where it finds as many lines as there are feeds.
 */
static struct lines rows(struct csv *csv, const uint8_t *text, uint32_t count, uint32_t limit, uint64_t odd, int exact) {
	struct lines l = {0};
	const uint16_t *ends = csv->ends + 1;
	for (uint32_t k = 0; k < count && l.next < limit;) {
		uint32_t last = k + csv->fields - 1;
		int whole = last < count && text[ends[last]] == '\n';
		for (uint32_t i = k; exact && whole && i < last; i++)
			whole = text[ends[i]] != '\n';
		if (!whole) {
			for (last = k; last < count && text[ends[last]] != '\n';)
				last++;
			if (last == count)
				break; /* the line's end is behind the window */
		}
		uint32_t end = ends[last];
		if (whole && !(odd && is_odd(csv, l.next, end)))
			csv->rows[l.rows++] = (uint16_t)k;
		else if (end > l.next && !(end == l.next + 1 && text[l.next] == '\r')) /* a blank line is no record */
			csv->left[l.left++] = l.next;
		l.all++;
		k = last + 1;
		l.next = end + 1;
	}
	return l;
}

/* place is a field: where it is and which of its bytes, or of those behind it, are no digits. */
struct place {
	const uint8_t *p;
	uint32_t size;
	uint64_t other; /* of LIMIT bytes, with two bits more behind them, so that there are always two */
};

INLINE struct place place(const struct csv *csv, const uint8_t *text, uint32_t row, uint32_t f, int last) {
	const uint16_t *ends = csv->ends + csv->rows[row] + f;
	uint32_t from = (uint16_t)(ends[0] + 1), to = ends[1];
	if (last)
		to -= to > from && text[to - 1] == '\r';
	uint64_t other;
	memcpy(&other, (const uint8_t *)csv->other + from / 8, 8);
	return (struct place){text + from, to - from, other >> from % 8 | 3ull << LIMIT};
}

INLINE int whole(struct place t, struct field f) { return (first(t.other) == t.size) & (t.size - 1 < f.before); }

INLINE int fraction(struct place t, struct field f) {
	uint32_t point = first(t.other), stop = first(t.other & (t.other - 1));
	return ((point == t.size) | ((stop == t.size) & (t.p[point] == '.') & (stop - point - 2 < f.behind))) & (point - 1 < f.before);
}

/* day takes what is in the calendar, the 29th of February left out. */
INLINE int day(struct place t) {
	static const uint8_t days[256] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	uint64_t x; /* 2026-01- */
	memcpy(&x, t.p, 8);
	uint32_t month = (uint32_t)(x >> 40 & 15) * 10 + (uint32_t)(x >> 48 & 15), day = (uint32_t)(t.p[8] & 15) * 10 + (t.p[9] & 15);
	return (t.size == 10) & ((t.other & 0x3ff) == 0x90) & ((x & 0xff0000ff00000000) == 0x2d00002d00000000) & ((uint32_t)x != 0x30303030) &
	       (day - 1 < days[month]);
}

/* rare takes what is empty or below zero, and days and moments that are seldom. */
static __attribute__((noinline)) int rare(struct place t, struct field f) {
	if (t.size == 0)
		return 1;
	switch (f.form) {
	case FORM_DAY: return t.size == 10 && real_day(t.p);
	case FORM_MOMENT: return moment(t.p, t.size);
	}
	if (*t.p != '-')
		return 0;
	struct place above = {t.p + 1, t.size - 1, t.other >> 1 | 1ull << LIMIT};
	return f.form == FORM_WHOLE ? whole(above, f) : fraction(above, f);
}

/* COLUMN makes a function that doubts the rows of which the field at index f is not plain. */
#define COLUMN(name, plain)                                                                                               \
	INLINE void name(struct csv *csv, struct field field, uint32_t f, const uint8_t *text, uint32_t count, int last) { \
		for (uint32_t r = 0; r < count; r++) {                                                                             \
			struct place t = place(csv, text, r, f, last);                                                                   \
			if (__builtin_expect(!(plain), 0) && !rare(t, field))                                                            \
				csv->doubt[r] = 1;                                                                                             \
		}                                                                                                                  \
	}

COLUMN(whole_column, whole(t, field))
COLUMN(fraction_column, fraction(t, field))
COLUMN(day_column, day(t))
COLUMN(moment_column, 0)

INLINE void column(struct csv *csv, struct field field, uint32_t f, const uint8_t *text, uint32_t count, int last) {
	switch (field.form) {
	case FORM_WHOLE: whole_column(csv, field, f, text, count, last); break;
	case FORM_FRACTION: fraction_column(csv, field, f, text, count, last); break;
	case FORM_DAY: day_column(csv, field, f, text, count, last); break;
	case FORM_MOMENT: moment_column(csv, field, f, text, count, last); break;
	}
}

INLINE int64_t lines_of(struct csv *csv, const struct field *fields, const uint8_t *text, int64_t from, int64_t end, int64_t size) {
	bytes all = load((const uint8_t[16]){0});
	csv->lines = csv->lefts = csv->high = 0;
	while (from < end && csv->lefts == 0) {
		const uint8_t *t = text + from;
		uint32_t here = size - from < WINDOW ? (uint32_t)(size - from) : WINDOW, feeds;
		uint32_t limit = end - from < WINDOW ? (uint32_t)(end - from) : WINDOW;
		uint64_t odd;
		uint32_t ends = scan(csv, t, here, &feeds, &odd, &all);
		struct lines l = rows(csv, t, ends, limit, odd, 0);
		if (l.all != feeds)
			l = rows(csv, t, ends, limit, odd, 1);
		if (l.all == 0) {
			/* A line longer than the window, or one without an end. */
			const uint8_t *feed = memchr(t + here, '\n', (size_t)(size - from - here));
			if (!feed)
				break;
			l.left = l.all = csv->high = 1;
			csv->left[0] = 0;
			l.next = (uint32_t)(feed + 1 - t);
		}
		memset(csv->doubt, 0, l.rows);
		uint32_t last = csv->fields - 1;
		for (uint32_t f = 0; f < last; f++)
			column(csv, fields[f], f, t, l.rows, 0);
		column(csv, fields[last], last, t, l.rows, 1);
		for (uint32_t r = 0; r < l.rows; r++)
			if (csv->doubt[r])
				csv->left[l.left++] = (uint16_t)(csv->ends[csv->rows[r]] + 1);
		for (uint32_t i = 0; i < l.left; i++)
			csv->left[i] += (uint32_t)from;
		csv->lefts = l.left;
		csv->lines += l.all;
		from += l.next;
	}
	csv->high |= high(all);
	return from;
}

#if defined(__x86_64__) && !defined(WEIR_PORTABLE)

/* The same with the instructions of servers since 2013, which count bits and find them in one step. */
__attribute__((target("avx2,bmi,bmi2,popcnt"))) static int64_t lines_of_avx2(struct csv *csv, const struct field *fields, const uint8_t *text,
                                                                             int64_t from, int64_t end, int64_t size) {
	return lines_of(csv, fields, text, from, end, size);
}

static int has_avx2(void) {
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
}

int64_t csv_lines(struct csv *csv, const struct field *fields, const uint8_t *text, int64_t from, int64_t end, int64_t size) {
	return has_avx2() ? lines_of_avx2(csv, fields, text, from, end, size) : lines_of(csv, fields, text, from, end, size);
}

#else

int64_t csv_lines(struct csv *csv, const struct field *fields, const uint8_t *text, int64_t from, int64_t end, int64_t size) {
	return lines_of(csv, fields, text, from, end, size);
}

#endif
