package deepfuzz

import "testing"

// Assertions for checks. They cost next to nothing where they hold, unlike
// those that note where they were called.

// True ends the test unless ok.
func True(t testing.TB, ok bool, what string) {
	if !ok {
		t.Helper()
		t.Fatal("not so: " + what)
	}
}

// Equal ends the test unless got is want.
func Equal[T comparable](t testing.TB, want, got T, what string) {
	if want != got {
		t.Helper()
		t.Fatalf("%s: %v, not %v", what, got, want)
	}
}

// AtMost ends the test unless got is at most limit.
func AtMost[T ~int | ~int64 | ~uint64](t testing.TB, got, limit T, what string) {
	if got > limit {
		t.Helper()
		t.Fatalf("%s: %v, more than %v", what, got, limit)
	}
}

// NoError ends the test if there is an error.
func NoError(t testing.TB, err error, what string) {
	if err != nil {
		t.Helper()
		t.Fatalf("%s: %v", what, err)
	}
}
