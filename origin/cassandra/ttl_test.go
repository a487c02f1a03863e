package cassandra

import (
	"testing"
	"testing/synctest"
	"time"
)

// A row is kept for as long as its object, in whole seconds and never less, at most for as long as is configured, and
// for no longer than Cassandra can.
func TestTTL(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for _, c := range []struct {
		retention, left time.Duration // 0: for ever, and says nothing
		want            int
	}{
		{0, 0, 0},
		{time.Hour, 0, 3600},
		{0, time.Minute, 60},
		{time.Hour, 1500 * time.Millisecond, 2},
		{time.Hour, time.Microsecond, 1},
		{time.Hour, -time.Hour, 1},
		{time.Hour, 2 * time.Hour, 3600},
		{0, 30 * year, 20 * 365 * 24 * 3600},
		{30 * year, 0, 20 * 365 * 24 * 3600},
	} {
		synctest.Test(t, func(t *testing.T) {
			var expires time.Time
			if c.left != 0 {
				expires = time.Now().Add(c.left)
			}
			table := &Table{config: Config{Retention: c.retention}}
			if got := table.ttl(expires); got != c.want {
				t.Errorf("retention %v, %v left: %d s, want %d", c.retention, c.left, got, c.want)
			}
		})
	}
}
