package metrics_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/liveorigin/liveorigin/origin/metrics"
)

// newLog is a logger through a Log, and what it wrote, without times.
func newLog() (*slog.Logger, *metrics.Log, *bytes.Buffer) {
	var out bytes.Buffer
	text := slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	l := metrics.NewLog(text)
	return slog.New(l), l, &out
}

// A line that is swallowed before it is made counts as one that is swallowed after.
func TestLogQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, l, out := newLog()
		for range 300 { // three seconds
			if !l.Quiet(time.Now(), slog.LevelWarn, "refused", "live") {
				log.Warn("refused", "class", "live")
			}
			log.Warn("refused", "class", "dvr")
			time.Sleep(10 * time.Millisecond)
		}
		if got := l.Swallowed(); got != 600-6 {
			t.Errorf("%d lines swallowed, want %d", got, 600-6)
		}
		for text, want := range map[string]int{
			"msg=refused class=live\n": 1, "msg=refused class=live swallowed=99\n": 2, "msg=refused class=dvr swallowed=99\n": 2, "\n": 6,
		} {
			if got := strings.Count(out.String(), text); got != want {
				t.Errorf("%q is there %d times, want %d:\n%s", text, got, want, out)
			}
		}
		if l.Quiet(time.Now().Add(-5*time.Millisecond), slog.LevelInfo, "refused", "live") || l.Quiet(time.Now(), slog.LevelWarn, "refused", "") {
			t.Error("quiet about what was never said")
		}
	})
}

func TestLogOneLineASecondAndClass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, l, out := newLog()
		start := time.Now()
		for range 300 { // three seconds
			log.Info("refused", "class", "live", "n", time.Since(start).Milliseconds())
			log.Info("refused", "class", "dvr")
			log.Warn("refused", "class", "live")
			log.Info("stored")
			log.Debug("refused", "class", "live")
			time.Sleep(10 * time.Millisecond)
		}
		for text, want := range map[string]int{
			`level=INFO msg=refused class=live n=0` + "\n":                 1,
			`level=INFO msg=refused class=live n=1000 swallowed=99` + "\n": 1,
			`level=INFO msg=refused class=live n=2000 swallowed=99` + "\n": 1,
			"level=INFO msg=refused class=dvr":                             3,
			"level=WARN msg=refused class=live":                            3,
			"level=INFO msg=stored":                                        3,
			"\n":                                                           12,
			"level=DEBUG":                                                  0,
		} {
			if got := strings.Count(out.String(), text); got != want {
				t.Errorf("%q is there %d times, want %d:\n%s", text, got, want, out)
			}
		}
		if got := l.Swallowed(); got != 1200-12 {
			t.Errorf("%d lines swallowed, want %d", got, 1200-12)
		}
	})
}

// Loggers that are derived have one limit together, and the class that they were given; one in a group has none.
func TestLogDerived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, _, out := newLog()
		for range 3 {
			log.With("class", "live").Info("refused")
			log.Info("refused", "class", "live")
			log.With("class", "dvr").Info("refused")
			log.WithGroup("g").With("class", "other").Info("refused", "class", "third")
			log.Info("refused")
		}
		want := "level=INFO msg=refused class=live\nlevel=INFO msg=refused class=dvr\nlevel=INFO msg=refused g.class=other g.class=third\n"
		if out.String() != want {
			t.Errorf("got\n%swant\n%s", out, want)
		}
	})
}

// However many classes there are, memory and lines are bounded; and what was swallowed is told in the end.
func TestLogManyClasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, l, out := newLog()
		const classes = 10_000
		for i := range classes {
			log.Info("refused", "class", i)
		}
		lines := strings.Count(out.String(), "\n")
		if lines > 1100 || lines+int(l.Swallowed()) != classes {
			t.Errorf("%d lines and %d swallowed of %d", lines, l.Swallowed(), classes)
		}
		time.Sleep(time.Second)
		out.Reset()
		log.Info("refused", "class", "new")
		if got, want := out.String(), "level=INFO msg=refused class=new\n"; got != want {
			t.Errorf("after a second: got %q, want %q", got, want)
		}
	})
}

// Making room forgets no line that is still to be told of.
func TestLogSweepKeepsCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, _, out := newLog()
		log.Info("refused", "class", "live")
		log.Info("refused", "class", "live")
		time.Sleep(time.Second)
		for i := range 2000 {
			log.Info("refused", "class", i)
		}
		out.Reset()
		log.Info("refused", "class", "live")
		if got, want := out.String(), "level=INFO msg=refused class=live swallowed=1\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestLogRecordWithoutTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l, out := newLog()
		for range 2 {
			if err := l.Handle(context.Background(), slog.NewRecord(time.Time{}, slog.LevelInfo, "odd", 0)); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.Count(out.String(), "odd"); got != 1 {
			t.Errorf("%d lines, want 1", got)
		}
	})
}

func TestLogAllAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, l, out := newLog()
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for range 1000 {
					log.Info("refused", "class", fmt.Sprint(i%2))
				}
			})
		}
		all.Wait()
		if lines := strings.Count(out.String(), "\n"); lines != 2 || l.Swallowed() != 7998 {
			t.Errorf("%d lines, %d swallowed, want 2 and 7998", lines, l.Swallowed())
		}
	})
}
