package loop

import (
	"fmt"
	"os/exec"
	"strconv"
	"testing"
)

// BenchmarkHold runs SimPy on the hold model, and the loop after it, in the same run: the ratio is what counts. SimPy's
// processes are generators, so its counterpart are our coroutines; models that are many use wakers.
func BenchmarkHold(b *testing.B) {
	if out, err := exec.Command("python3", "-c", "import simpy").CombinedOutput(); err != nil {
		b.Skipf("no SimPy here (pip install simpy): %v, %s", err, out)
	}
	for _, c := range []struct {
		name    string
		pending int
		ours    func(*testing.B, int)
	}{
		{"sleepers/1e3", 1_000, benchmarkSleepers},
		{"wakers/1e3", 1_000, benchmarkWakers},
		{"wakers/1e6", 1_000_000, benchmarkWakers},
	} {
		theirs := 0.0
		b.Run(c.name, func(b *testing.B) {
			if theirs == 0 { // once for all values of b.N
				theirs = simpyHold(b, c.pending)
			}
			c.ours(b, c.pending)
			ours := float64(b.N) / b.Elapsed().Seconds()
			b.ReportMetric(theirs/1e6, "SimPy-M/s")
			b.ReportMetric(ours/theirs, "times-SimPy")
		})
	}
}

// simpyHold is how many timeouts SimPy has in a second.
func simpyHold(b *testing.B, pending int) float64 {
	b.Helper()
	const timeouts = 300_000
	script := exec.Command("python3", "testdata/simpy_hold.py", strconv.Itoa(pending), strconv.Itoa(timeouts))
	out, err := script.Output()
	if err != nil {
		b.Fatal(err)
	}
	var version string
	var perSecond float64
	if _, err := fmt.Sscan(string(out), &version, &perSecond); err != nil {
		b.Fatalf("%v in %q", err, out)
	}
	b.Logf("SimPy %s, %d processes: %.0f timeouts/s", version, pending, perSecond)
	return perSecond
}
