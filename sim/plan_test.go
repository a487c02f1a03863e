package sim

import (
	"strings"
	"testing"

	"github.com/liveorigin/liveorigin/scenarios"
)

// On real databases, the report says which of the scenario's words about storage had no effect.
func TestUnheededStorage(t *testing.T) {
	for _, row := range []struct {
		storage   string
		overrides []scenarios.Override
		want      string // the keys, if any
	}{
		{"", nil, ""},
		{"storage: {cache: memcached, recent: 3}", nil, ""},
		{"storage: {profile: cassandra, replication_lag: 1s}", nil, "storage.profile, storage.replication_lag: "},
		{"storage: {write: {p50: 1ms, p99: 2ms}}", nil, "storage.write: "},
		{"", []scenarios.Override{{Path: "storage.read.p50", Value: "1ms"}}, "storage.read: "},
		{"", []scenarios.Override{{Path: "storage.profile", Value: "cassandra"}}, "storage.profile: "},
		{"", []scenarios.Override{{Path: "storage.recent", Value: "3"}}, ""},
	} {
		sc, err := scenarios.Parse("test.yaml", []byte("about: a test\nevent: {duration: 20s, ladder: small}\n"+
			"regions: {east: {pipelines: [a]}}\naudience: {viewers: {peak: 1}}\n"+row.storage+"\n"), row.overrides...)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(unheeded(sc), "\n")
		if (got == "") != (row.want == "") || !strings.HasPrefix(got, row.want) {
			t.Errorf("%q %v: %q, want %q", row.storage, row.overrides, got, row.want)
		}
	}
}
