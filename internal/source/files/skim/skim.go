// Package skim looks through text whose lines are written plainly, in C, many bytes a step. It is sure of a line or leaves it to its
// caller, who knows what plain means and has the last word.
package skim

// #cgo CFLAGS: -O2 -Wall -Wextra -Wno-parentheses
// #include "skim.h"
import "C"

import "unsafe"

// Slack is how many bytes behind a text must be there to be loaded.
const Slack = C.SLACK

func start(text []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(text))) }

// Form is a way a value is written, or several.
type Form uint32

// The forms. In CSV each may be empty, none may hold a quote, and Fraction takes what Whole does.
const (
	Null     Form = C.FORM_NULL
	Bool     Form = C.FORM_BOOL
	Whole    Form = C.FORM_WHOLE    // -12
	Fraction Form = C.FORM_FRACTION // -12.50
	Day      Form = C.FORM_DAY      // 2026-01-02
	Moment   Form = C.FORM_MOMENT   // 2026-01-02 03:04:05, with a fraction of up to six digits, or a T and a Z, as it may be
	Text     Form = C.FORM_TEXT     // in CSV anything, in JSON any other string
	More          = 2 * Text        // is for forms of the caller's own, and all above
)
