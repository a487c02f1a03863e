// Package containertest says whether tests that start containers run.
//
//	go test ./...                               they do not: it takes seconds, and needs nothing
//	make test (LIVEORIGIN_CONTAINERS=1)         where there is an engine with the images
//	LIVEORIGIN_REQUIRE_CONTAINERS=1 make test   they do, and fail without one: for CI
package containertest

import (
	"os"
	"testing"
)

// Need skips a test, or fails it, unless it may start containers. can says why none can be started.
func Need(t testing.TB, can func() error) {
	t.Helper()
	required := os.Getenv("LIVEORIGIN_REQUIRE_CONTAINERS") == "1"
	if !required && os.Getenv("LIVEORIGIN_CONTAINERS") != "1" {
		t.Skip("starts containers; make test does, or LIVEORIGIN_CONTAINERS=1")
	}
	switch err := can(); {
	case err == nil:
	case required:
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}
