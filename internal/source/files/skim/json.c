/*
 * NDJSON whose records have the same keys in the same order, mostly, written the same way: what stands between two values is compared
 * with what stood there last time, and how a value is written is noted. A line where anything else comes is left to the caller.
 */
#include "skim.h"

#include "bytes.h"

/* follows says whether n bytes at p are those of a follower. Sixteen bytes behind them can be loaded. */
INLINE int follows(const uint8_t *p, const uint8_t *text, uint32_t n) {
	uint32_t start = mask(same(load(p), load(text)));
	if (n <= 16)
		return (start | (0xffffu << n & 0xffff)) == 0xffff;
	if (n <= 32)
		return (start & mask(same(load(p + n - 16), load(text + n - 16)))) == 0xffff;
	return memcmp(p, text, n) == 0;
}

/* string notes the string whose quotes stand before p and at p + n; 0 where it is not sure of it. */
INLINE int string(struct seen *k, const uint8_t *p, uint32_t n) {
	if (!k->word) {
		if (n >= 10 && (mask(digits(load(p))) & 0x3ff) == 0x36f && p[4] == '-' && p[7] == '-') {
			if (n == 10 && memcmp(p, "0000", 4) != 0) {
				k->forms |= FORM_DAY;
				return 1;
			}
			if (n < 19 || !moment(p, n))
				return 0;
			k->forms |= FORM_MOMENT;
			return 1;
		}
		k->forms |= FORM_TEXT;
		k->word = n > 0 && (uint8_t)((p[0] | 0x20) - 'g') <= 'z' - 'g' && p[0] < 0x80;
	}
	if (n > 15 && k->digits == 0)
		k->digits = 1;
	return 1;
}

static void note(struct seen *k, uint32_t form, uint32_t before, uint32_t behind) {
	k->forms |= form;
	k->before = before > k->before ? before : k->before;
	k->behind = behind > k->behind ? behind : k->behind;
}

/* number notes the number at p and gives its size; 0 where it is not sure of it. It must end with a comma or the record. */
INLINE uint32_t number(struct seen *k, const uint8_t *p) {
	bytes b = load(p);
	/* The end is found by itself, so that a core can go on with what is behind while it still looks at the digits. */
	uint32_t size = first(mask(either(equal(b, ','), equal(b, '}'))) | 1u << 16);
	uint32_t minus = p[0] == '-';
	uint32_t other = (mask(digits(b)) ^ 0xffffffff) >> minus;
	uint32_t point = first(other), stop = first(other & (other - 1));
	uint32_t dot = p[minus + point] == '.';
	uint32_t behind = dot ? stop - point - 1 : 0;
	if (size == 16 || point == 0 || (dot ? stop : point) + minus != size || dot > behind)
		return 0;
	note(k, dot ? FORM_FRACTION : FORM_WHOLE, point, behind);
	return size;
}

static uint32_t digits_at(const uint8_t *p) {
	for (uint32_t n = 0;; n += 16) {
		uint32_t other = mask(digits(load(p + n))) ^ 0xffff;
		if (other)
			return n + first(other);
	}
}

/* long_number does the same for a number of any length. Behind every line stands a line feed or the text's end, which end its digits. */
static __attribute__((noinline)) uint32_t long_number(struct seen *k, const uint8_t *p) {
	uint32_t minus = p[0] == '-', before = digits_at(p + minus), end = minus + before, behind = 0;
	if (before == 0)
		return 0;
	if (p[end] == '.') {
		behind = digits_at(p + end + 1);
		end += 1 + behind;
		if (behind == 0)
			return 0;
	}
	if (p[end] != ',' && p[end] != '}')
		return 0;
	note(k, behind ? FORM_FRACTION : FORM_WHOLE, before, behind);
	uint32_t digits = before + behind <= 15 ? 0 : behind ? 2 : 1;
	k->digits = digits > k->digits ? digits : k->digits;
	return end;
}

/* word notes null, true or false at p and gives its size; 0 where it is none. */
INLINE uint32_t word(struct seen *k, const uint8_t *p) {
	uint32_t is_null = memcmp(p, "null", 4) == 0;
	if (!is_null && memcmp(p, "true", 4) != 0 && memcmp(p, "false", 5) != 0)
		return 0;
	k->forms |= is_null ? FORM_NULL : FORM_BOOL;
	return p[0] == 'f' ? 5 : 4;
}

/* closing is where the string that begins behind p ends, before end; 0 where it is not sure of that. */
INLINE const uint8_t *closing(const uint8_t *p, const uint8_t *end) {
	for (p++; p < end; p += 16) {
		uint32_t quote = mask(equal(load(p), '"'));
		if (quote) {
			p += first(quote);
			return p < end && p[-1] != '\\' ? p : 0;
		}
	}
	return 0;
}

/* value notes the value at p and gives where it ends, before end; 0 where it is not sure of it. */
INLINE const uint8_t *value(struct seen *k, const uint8_t *p, const uint8_t *end) {
	if (*p == '"') {
		const uint8_t *close = closing(p, end);
		if (!close || !string(k, p + 1, (uint32_t)(close - p - 1)))
			return 0;
		p = close + 1;
	} else {
		uint32_t size = *p == '-' || (uint8_t)(*p - '0') <= 9 ? number(k, p) : word(k, p);
		if (size == 0 && (size = long_number(k, p)) == 0)
			return 0;
		p += size;
	}
	return p < end ? p : 0;
}

/* records are how records are written, and what is seen of them. */
struct records {
	const struct follower *followers;
	const uint8_t *texts;
	struct seen *seen;
};

/* member takes what f says follows at p, and the value behind it; 0 where anything else comes. */
INLINE const uint8_t *member(struct records r, const struct follower *f, const uint8_t *p, const uint8_t *end) {
	if (f->size == 0 || end - p <= f->size || !follows(p, r.texts + f->text, f->size))
		return 0;
	return value(&r.seen[f->key], p + f->size, end);
}

/* record looks at one line; 0 where it leaves it. */
INLINE int record(struct records r, const uint8_t *p, const uint8_t *end) {
	for (const struct follower *f = r.followers;; f = &r.followers[f->key + 1]) {
		p = member(r, f, p, end);
		if (!p || *p == '}')
			return p != 0;
	}
}

int64_t json_lines(const struct follower *followers, const uint8_t *texts, struct seen *seen, const uint8_t *text, int64_t from, int64_t end,
                   int64_t size, uint32_t *lines, uint32_t *longest) {
	struct records r = {followers, texts, seen};
	const uint8_t *p = text + from, *last = text + end, *stop = text + size;
	uint32_t count = 0, most = *longest;
	while (p < last) {
		const uint8_t *feed = memchr(p, '\n', (size_t)(stop - p));
		if (!feed || !record(r, p, feed))
			break;
		most = feed - p > most ? (uint32_t)(feed - p) : most;
		p = feed + 1;
		count++;
	}
	*lines = count;
	*longest = most;
	return p - text;
}
