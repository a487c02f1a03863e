package scenarios

import (
	"errors"
	"strings"
	"testing"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/scenarios/strictyaml"
)

// good is a file in which each row of TestProblems changes one line.
const good = `about: a table's file
seed: 2
event:
  duration: 60s
regions:
  us-east: {pipelines: [a], zones: 3}
  us-west: {pipelines: [b]}
audience:
  viewers: {peak: 10, ramp: 4s}
  dvr_share: 5%
phases: {warm-up: 0s, fault: 20s}
faults:
  - {kind: slow-store, region: us-east, delay: 1s, at: 20s, for: 10s}
objectives:
  - {indicator: missed segments, phase: fault, max: 0}
`

func TestProblems(t *testing.T) {
	for _, row := range []struct {
		line       string // a word of the line that changes
		becomes    string // with ^ before the place that is to blame
		want, hint string
	}{
		// Keys
		{"seed", "^sed: 2",
			`unknown key "sed"`, "seed"},
		{"seed", "^colour: red",
			`unknown key "colour"; there is about, seed, event, regions, storage, origin, machines, admission, monitoring, network, delivery, audience, phases, faults, operations, objectives`, ""},
		{"seed", "^about: again",
			`key "about" is given twice; first in line 1`, ""},
		{"duration", "  duration: 4s\n  ^duration: 60s", // and nothing about phases beyond 4s
			`key "duration" is given twice; first in line 4`, ""},
		{"seed", "seed:^",
			`seed is empty; give it a value or leave the key out`, ""},
		{"duration", "  ^segment: 2s",
			`missing key "duration" in event: how long the event lasts: a whole number of segments`, ""},
		{"viewers", "  viewers: ^{ramp: 4s}",
			`missing key "peak" in audience.viewers: viewers after the ramp`, ""},
		{"viewers", "  ^ladder: spread",
			`missing key "viewers" or "curve" in audience: how many watch`, ""},
		{"viewers", "  ^viewrs: {peak: 10}",
			`unknown key "viewrs" in audience`, "viewers"},
		{"viewers", "  ^curv: x.csv",
			`unknown key "curv" in audience`, "curve"},
		{"seed", "admission: {policy: ^prioritty}", `unknown admission policy "prioritty"`, "priority"},
		{"seed", "admission: {policy: adaptive, ^slow: 9ms}",
			`admission policy adaptive has no use for slow; take it out, or give policy: priority`, ""},
		{"seed", "admission: {^reads: 9}",
			`admission policy none has no use for reads; take it out, or give policy: priority`, ""},
		{"seed", "admission: {policy: priority, share: ^0%}",
			`a share of less than 1% would be stress for ever; give more`, ""},
		{"seed", "machines: {^shared: true}",
			`on machines of profile unlimited nothing queues, so there is nothing to share; give profile: cloud`, ""},
		{"about", "^storage: {}",
			`missing key "about": what the scenario proves, in a sentence`, ""},

		// Types
		{"seed", "seed: ^-1",
			`"-1" is not a whole number from 0 to 2^64-1`, ""},
		{"seed", "seed: ^0x10",
			`"0x10" is not a whole number from 0 to 2^64-1`, ""},
		{"seed", "seed: ^{a: 1}",
			`seed should be one value, not a mapping`, ""},
		{"seed", "storage: ^[1]",
			`storage should be a mapping, not a list`, ""},
		{"about", "about: ^''",
			`empty text`, ""},
		{"us-west", "  us-west: {pipelines: ^b}",
			`regions.us-west.pipelines should be a list, not one value`, ""},
		{"us-west", "  ^us_west: {pipelines: [b]}",
			`region: "us_west" is not a name: a to z, 0 to 9 and -, beginning with a letter, at most 63`, ""},
		{"us-west", "  us-west: {pipelines: [b], zones: ^010}",
			`"010" is not a whole number`, ""},
		{"us-west", "  us-west: {pipelines: [b], zones: ^6}",
			`6 is out of range: 1 to 5`, ""},
		{"dvr_share", "  dvr_share: ^5",
			`a share of 5 is more than everything`, "5%"},
		{"dvr_share", "  dvr_share: ^some",
			`"some" is not a share; write one like 5% or 0.05`, ""},

		{"dvr_share", "  adaptive: ^yes",
			`"yes" is neither true nor false`, ""},
		{"dvr_share", "  adaptive: ^'true'",
			`"true" is neither true nor false`, ""},
		{"dvr_share", "  retries: ^obay",
			`unknown kind of retries "obay"`, "obey"},
		{"dvr_share", "  manifest: ^refreshed",
			`unknown way to know of segments "refreshed"`, "refresh"},
		{"viewers", "  viewers: {peak: ^200000001}",
			`200000001 is out of range: 1 to 200000000`, ""},

		// Storage
		{"seed", "storage: {profile: ^cassandr}",
			`unknown profile of storage "cassandr"`, "cassandra"},
		{"seed", "storage: {cache: ^redis}",
			`unknown cache "redis"; there is none, memcached`, ""},
		{"seed", "storage: {profile: cassandra, write: ^{p50: 1ms}}",
			`profile cassandra has its own latency: give p50 and p99, or neither`, ""},
		{"seed", "storage: {profile: cassandra, read: {p50: 2ms, p99: ^1ms}}",
			`half take more than p50 2ms, so 99 of 100 are not done within p99 1ms`, ""},
		{"seed", "storage: {chunk: ^512}",
			`512 needs a unit`, "512KiB"},
		{"seed", "storage: {chunk: ^512kB}",
			`"512kB" is not a size; units are B, KiB, MiB and GiB`, "512KiB"},
		{"seed", "storage: {chunk: ^0.5MiB}",
			`"0.5MiB" is not a size; write one like 512KiB or 1MiB`, ""},
		{"seed", "storage: {chunk: ^16383B}",
			`16383B is out of range: 16KiB to 8MiB`, ""},
		{"seed", "storage: {chunk: ^9999999999GiB}",
			`9999999999GiB is out of range: 16KiB to 8MiB`, ""},
		{"seed", "storage: {chunk: ^9MiB}",
			`9MiB is out of range: 16KiB to 8MiB`, ""},
		{"seed", "storage: {chunk: ^1MiB, cache: memcached}",
			`a chunk of 1MiB does not fit the cache, whose items have 1020KiB at most`, ""},
		{"seed", "storage: {recent: ^-1}",
			`-1 is out of range: 0 to 1000`, ""},
		{"seed", "storage: {profile: object-store, ^chunk: 64KiB}",
			`profile object-store keeps segments whole, and nothing before it; take chunk out`, ""},
		{"seed", "storage: {profile: object-store, ^recent: 4}",
			`profile object-store keeps segments whole, and nothing before it; take recent out`, ""},
		{"seed", "storage: {profile: object-store, ^cache: memcached}",
			`profile object-store has no cache in front of it; take cache out`, ""},
		{"seed", "storage: {profile: object-store, ^replication_lag: 1s}",
			`nothing is copied with profile object-store: every pipeline publishes in every region; take replication_lag out`, ""},
		{"slow-store", "  - {kind: zone-crash, region: us-east, zone: ^1, at: 20s, for: 10s}\nstorage: {profile: object-store}",
			`profile object-store has no zones to lose; slow-store and region-loss hit it`, ""},
		{"slow-store", "  - {kind: ^cache-loss, region: us-east, at: 20s, for: 10s}",
			`cache-loss needs a cache in front of the store; give storage: {cache: memcached}`, ""},
		{"seed", "machines: {profile: ^cluod}",
			`unknown profile of machines "cluod"`, "cloud"},
		{"seed", "network: {profile: ^moon}",
			`unknown profile of network "moon"; there is loopback, world`, ""},

		// Delivery
		{"seed", "delivery: {servers: ^5, sites: 10}",
			`5 servers for 10 sites; each has at least one`, ""},
		{"seed", "delivery: {sites: ^1}",
			`1 sites for 2 regions; each has at least one`, ""},
		{"seed", "delivery: {sites: ^50, groups: 60}",
			`50 sites for 60 groups; each has at least one`, ""},
		{"seed", "delivery: {groups: ^1}",
			`1 groups for 2 regions; each has at least one`, ""},
		{"seed", "delivery: {top_tier: ^1}",
			`1 top-tier caches for 2 regions; each has at least one`, ""},
		{"seed", "delivery: {backbone: ^400}",
			`400 needs a unit`, "400Gbps"},
		{"seed", "delivery: {backbone: ^40000000}",
			`40000000 needs a unit`, "40Mbps"},
		{"seed", "delivery: {backbone: ^400gbps}",
			`"400gbps" is not a bandwidth; units are bps, kbps, Mbps, Gbps and Tbps`, "400Gbps"},
		{"seed", "delivery: {backbone: ^2.5 Gbit/s}",
			`"2.5 Gbit/s" is not a bandwidth; units are bps, kbps, Mbps, Gbps and Tbps`, "2.5Gbps"},
		{"seed", "delivery: {backbone: ^10000000000000000}",
			`10000000000000000 needs a unit`, ""},
		{"seed", "delivery: {backbone: ^10MB}",
			`"10MB" is not a bandwidth; units are bps, kbps, Mbps, Gbps and Tbps`, ""},
		{"seed", "delivery: {backbone: ^fast}",
			`"fast" is not a bandwidth; write one like 10Mbps or 400Gbps`, ""},
		{"seed", "delivery: {backbone: ^10bps}",
			`10bps is out of range: 1Mbps to 1000Tbps`, ""},
		{"dvr_share", "  ^edges: 3\ndelivery: {}",
			`viewers ask the sites of the delivery network; take edges out, or delivery`, ""},
		{"slow-store", "  - {kind: edge-flush, at: 20s, ^edge: us-east-edge-1}\ndelivery: {}",
			`a delivery network has sites, not edges with names; name a region instead`, ""},

		// Audience
		{"viewers", "  viewers: {peak: 10, ramp: 40s, leave: ^30s}",
			`after a ramp of 40s, 30s to leave are more than the 1m of the event`, ""},
		{"dvr_share", "  adaptive: true\n  ^ladder: highest",
			`adaptive viewers choose for themselves; take ladder out, or adaptive`, ""},
		{"viewers", "  curve: ^viewers.txt",
			`"viewers.txt" is not the name of a .csv file with time and viewers`, ""},
		{"viewers", "  curve: ^viewers.csv",
			`"viewers.csv" is beside a scenario file, and this scenario is none; give audience.viewers`, ""},
		{"dvr_share", "  restarts: {surge: ^0}",
			`0 is out of range: 1 to 1000`, ""},

		// Times
		{"duration", "  duration: ^60",
			`60 needs a unit`, "60s"},
		{"duration", "  duration: ^'60'",
			`60 needs a unit`, "60s"},
		{"duration", "  duration: ^60 secs",
			`"60 secs" is not a time; write one like 300ms, 2s or 1m30s`, ""},
		{"duration", "  duration: ^61s",
			`1m1s is not a whole number of segments of 2s`, "1m2s"},
		{"duration", "  duration: ^25h",
			`25h is out of range: 4s to 24h`, ""},
		{"duration", "  {duration: 60s, segment: ^4s}",
			`segments of 4s: the looped media of this release has segments of 2s only`, ""},
		{"duration", "  {duration: 60s, publish_delay: ^2s}",
			`2s is not less than a segment of 2s`, ""},
		{"duration", "  {duration: 60s, patience: ^3s}",
			`a patience of 3s is longer than the retry budget of 2s`, ""},
		{"duration", "  {duration: 60s, time_shift_buffer: ^1s}",
			`1s does not hold one segment of 2s`, ""},
		{"seed", "storage: {write: {p50: ^1s}}",
			`half take more than p50 1s, so 99 of 100 are not done within p99 30ms`, ""},
		{"viewers", "  viewers: {peak: 10, ramp: ^61s}",
			`the ramp takes 1m1s, but the event ends at 1m`, ""},
		{"viewers", "  viewers: {peak: 10, start: ^11}",
			`11 viewers at first are more than 10 at the peak`, ""},
		{"dvr_share", "  ^scrub: {at: 1s, for: 2s}",
			`nobody could scrub: dvr_share is 0`, ""},
		{"dvr_share", "  dvr_share: 5%\n  scrub: {at: 1s, for: ^1m}",
			`the scrub lasts until 1m1s, but the event ends at 1m`, ""},
		{"phases", "phases: {warm-up: ^1s, fault: 20s}",
			`the first phase begins at 0s`, ""},
		{"phases", "phases: {fault: 0s, end: ^60s}",
			`phase end begins at 1m, but the event ends at 1m`, ""},
		{"phases", "phases: {warm-up: 0s, fault: 9s, x: ^9s}",
			`phase x begins at 9s, not after fault at 9s; phases are in order of time`, ""},
		{"phases", "phases: {warm-up: 0s, fault: ^6400ms}",
			`phases begin at whole seconds`, "6s"},
		{"phases", "phases: {warm-up: 0s, fault: ^300ms}",
			`phases begin at whole seconds`, "1s"},

		// References
		{"us-west", "  us-west: {pipelines: [^a]}",
			`pipeline "a" is in us-east already; names are unique in a scenario`, ""},
		{"duration", "  {duration: 60s, ladder: ^hdd}",
			`unknown ladder "hdd"`, "hd"},
		{"duration", "  {duration: 60s, ladder: [v360, ^v36]}",
			`unknown rendition "v36"`, "v360"},
		{"duration", "  {duration: 60s, ladder: [v360, ^v360]}",
			`rendition "v360" is listed twice`, ""},
		{"duration", "  {duration: 60s, ladder: ^[]}",
			`an empty ladder; an event has at least one rendition`, ""},
		{"dvr_share", "  ladder: ^sprad",
			`unknown choice of renditions "sprad"`, "spread"},

		// Faults
		{"slow-store", "  - {kind: ^slow-stroe, region: us-east, delay: 1s, at: 20s, for: 10s}",
			`unknown fault kind "slow-stroe"`, "slow-store"},
		{"slow-store", "  - {kind: region-loss, region: ^us-est, at: 20s, for: 10s}",
			`unknown region "us-est"`, "us-east"},
		{"slow-store", "  - {kind: region-loss, region: ^moon, at: 20s, for: 10s}",
			`unknown region "moon"; there is us-east, us-west`, ""},
		{"slow-store", "  - ^{kind: region-loss, at: 20s, for: 10s}",
			`region-loss needs "region": a region's name`, ""},
		{"slow-store", "  - ^{kind: region-loss, region: us-east, at: 20s}",
			`region-loss needs "for": how long it lasts; faults of one moment have none`, ""},
		{"slow-store", "  - {kind: region-loss, region: us-east, at: 20s, for: ^0s}",
			`0s is out of range: 1ms to 24h`, ""},
		{"slow-store", "  - {kind: region-loss, region: us-east, at: ^-2s, for: 2s}",
			`-2s is negative; times count from the event's start`, ""},
		{"slow-store", "  - {kind: region-loss, region: us-east, at: ^60s, for: 1s}",
			`the fault begins at 1m, but the event ends at 1m`, ""},
		{"slow-store", "  - {kind: region-loss, region: us-east, at: 59s, for: ^2s}",
			`the fault lasts until 1m1s, but the event ends at 1m`, ""},
		{"slow-store", "  - {kind: region-loss, region: us-east, ^ppm: 5, at: 20s, for: 10s}",
			`region-loss takes no "ppm"; it takes region`, ""},
		{"slow-store", "  - {kind: edge-flush, at: 20s, ^for: 10s}",
			`edge-flush happens at one moment; it takes no "for"`, ""},
		{"slow-store", "  - {kind: edge-flush, at: 20s, region: us-west, edge: ^us-east-edge-1}",
			`unknown edge of us-west "us-east-edge-1"`, "us-west-edge-1"},
		{"slow-store", "  - {kind: zone-loss, at: 20s, for: 1s, region: us-west, zone: ^4}",
			`unknown zone of us-west "4"; there is 1, 2, 3`, ""},
		{"slow-store", "  - {kind: pipeline-stop, pipeline: ^c, at: 20s, for: 10s}",
			`unknown pipeline "c"; there is a, b`, ""},
		{"slow-store", "  - {kind: pipeline-stop, pipeline: a, rendition: ^v361, at: 20s, for: 10s}",
			`unknown rendition "v361"`, "v360"},
		{"slow-store", "  - {kind: media-defect, pipeline: a, defect: ^trunkated, at: 20s, for: 10s}",
			`unknown defect "trunkated"`, "truncated"},
		{"slow-store", "  - {kind: drift, pipeline: a, ppm: ^0, at: 20s, for: 10s}",
			`a drift of 0 ppm is none`, ""},
		{"slow-store", "  - {kind: none, name: ^drift, at: 20s, for: 10s}",
			`"drift" is a kind of fault; call this one something else`, ""},

		// Objectives
		{"missed", "  - {indicator: ^mised segments, max: 0}",
			`unknown indicator "mised segments"`, "missed segments"},
		{"missed", "  - {indicator: missed segments, phase: ^falt, max: 0}",
			`unknown phase "falt"`, "fault"},
		{"missed", "  - {indicator: missed segments, region: ^us-wst, max: 0}",
			`unknown region "us-wst"`, "us-west"},
		{"missed", "  - ^{indicator: missed segments}",
			`missing key "max" in objectives[0]: the limit: a time, or a count`, ""},
		{"missed", "  - {indicator: missed segments, max: ^2s}",
			`2s is a time, but missed segments are counted`, ""},
		{"missed", "  - {indicator: missed segments, max: ^0.5}",
			`"0.5" is not a whole number`, ""},
		{"missed", "  - {indicator: missed segments, max: 0, min_samples: ^0}",
			`0 is out of range: 1 to 1000000000000`, ""},
		{"missed", "  - {indicator: missed segments, ^p: 5, max: 0}",
			`missed segments takes no "p"; it takes phase, region, indicator, max, min_samples`, ""},
		{"missed", "  - {indicator: publish latency, p: 99, ^region: us-east, max: 2s}",
			`publish latency takes no "region"; it takes p, phase, indicator, max, min_samples`, ""},
		{"missed", "  - ^{indicator: live-edge latency, max: 2s}",
			`live-edge latency needs "p": the percentile, for indicators of latency`, ""},
		{"missed", "  - {indicator: live-edge latency, p: ^101, max: 2s}",
			`101 is no percentile; they are above 0, up to 100`, ""},
		{"missed", "  - {indicator: live-edge latency, p: 99, max: ^2}",
			`2 needs a unit`, "2s"},
		{"missed", "  - ^{indicator: recovery time, max: 2s}",
			`recovery time needs "after": the fault, by name or kind, for indicators of one`, ""},
		{"missed", "  - {indicator: recovery time, after: ^slow-stor, max: 2s}",
			`unknown fault "slow-stor"`, "slow-store"},
		{"missed", "  - {indicator: recovery time, after: slow-store, ^phase: fault, max: 2s}",
			`recovery time takes no "phase"; it takes after, indicator, max, min_samples`, ""},
		// Operations
		{"objectives", "operations: [{do: ^maks, at: 20s}]\nobjectives:",
			`unknown operation "maks"`, "mask"},
		{"objectives", "operations: [^{do: mask, pipeline: a, from: 10s, at: 20s}]\nobjectives:",
			`mask needs "to": where in the event they end`, ""},
		{"objectives", "operations: [{do: notice, text: hello, ^pipeline: a, at: 20s}]\nobjectives:",
			`notice takes no "pipeline"; it takes text`, ""},
		{"objectives", "operations: [{do: restore, ^pipeline: a, at: 20s}]\nobjectives:",
			`restore takes no "pipeline"`, ""},
		{"objectives", "operations: [{do: redirect, pipeline: ^aa, at: 20s}]\nobjectives:",
			`unknown pipeline "aa"`, "a"},
		{"objectives", "operations: [{do: mask, pipeline: a, region: ^us-eats, from: 10s, to: 12s, at: 20s}]\nobjectives:",
			`unknown region "us-eats"`, "us-east"},
		{"objectives", "operations: [{do: remove, at: ^60s}]\nobjectives:",
			`the operation begins at 1m, but the event ends at 1m`, ""},
		{"objectives", "operations: [{do: mask, pipeline: a, from: 10s, to: ^10s, at: 20s}]\nobjectives:",
			`from 10s to 10s there is no segment`, ""},
		{"objectives", "operations: [{do: mask, pipeline: a, from: 10s, to: ^61s, at: 20s}]\nobjectives:",
			`1m1s is after the event, which ends at 1m`, ""},
		{"objectives", "operations: [{do: end, time: ^19s, at: 20s}]\nobjectives:",
			`19s has passed when the operation is made, at 20s`, ""},
		{"objectives", "operations: [{do: start, time: ^0s, at: -10s}]\nobjectives:",
			`the event starts at 0s already; event.planned says when it was announced to start`, ""},
		{"duration", "  duration: 60s\n  planned: ^-8s",
			`nobody moves the start from -8s to 0s, where times count from; give operations: [{do: start, at: -18s, time: 0s}]`, ""},
		{"duration", "  duration: 60s\n  planned: ^-8", `8 needs a unit`, "-8s"},
		{"duration", "  duration: 60s\n  planned: -8s\noperations: [^{do: start, at: -12s, time: 0s}]",
			`at -12s it is too late to move the start, which is announced for -8s`, ""},
		{"duration", "  duration: 60s\n  planned: -8s\noperations: [{do: start, at: -15s, time: 4s}, {do: start, name: x, at: -9s, time: ^2s}]",
			`times count from the event's start, so the last operation that moves it brings it to 0s, not 2s`, ""},
		{"objectives", "operations: [{do: notice, text: hello, at: ^-61s}]\nobjectives:", `61s is out of range: 0s to 1m`, ""},
		{"objectives", "operations: [{do: notice, text: hello, at: ^-1}]\nobjectives:", `1 needs a unit`, "-1s"},
		{"objectives", "operations: [{do: restore, at: 20s}, {do: remove, at: ^20s}]\nobjectives:",
			`restore is at 20s, too; which is first is not known`, ""},
		{"objectives", "operations: [{do: mask, name: x, pipeline: a, from: 10s, to: 12s, at: 20s}, {do: unmask, of: ^xx, at: 21s}]\nobjectives:",
			`unknown mask "xx"`, "x"},
		{"objectives", "operations: [{do: unmask, of: ^x, at: 21s}]\nobjectives:",
			`there is no mask to take back`, ""},
		{"objectives", "operations: [{do: notice, text: hello, at: 20s}, {do: withdraw, of: ^notice, at: 19s}]\nobjectives:",
			`notice is made at 20s, and cannot be taken back at 19s`, ""},
		{"objectives", "operations: [{do: notice, name: x, text: hello, at: 20s}, {do: notice, name: ^x, text: bye, at: 21s}]\nobjectives:",
			`another operation is called "x"`, ""},
		{"objectives", "operations: [^{do: invalidate, pipeline: a, from: 10s, to: 12s, at: 20s}]\nobjectives:",
			`invalidate of event x: mask first, then invalidate: segment 6 of pipeline a is served in us-east, so caches would fetch the same again; add a mask of 6 to 6`, ""},
		{"objectives", "operations: [{do: remove, at: 20s}, ^{do: cache-version, at: 21s}]\nobjectives:",
			`cache-version of event x: the event is removed`, ""},
		// YAML
		{"seed", "seed: [2\n^storage: {}",
			`not YAML: ',' or ']' must be specified`, ""},
		{"seed", "seed: ^'x",
			`not YAML: could not find end character of single-quoted text`, ""},
		{"seed", "seed: ^&s 2",
			`"&": a scenario has no anchors, aliases or merge keys; write the value out`, ""},
		{"seed", "seed: ^!!int 2",
			`"!!int": a scenario has no tags, directives or complex keys`, ""},
		{"seed", "---\n^seed: 2",
			`a second document; a scenario is one`, ""},
		{"seed", "^seed: \xff", `not text in UTF-8`, ""},
		{"seed", "seed: " + strings.Repeat("[", 32) + "^" + strings.Repeat("[", 8),
			`nested deeper than 32; no part of a scenario is`, ""},
	} {
		changed := strings.Replace(good, lineOf(row.line), row.becomes, 1)
		before, after, _ := strings.Cut(changed, "^")
		_, err := Parse("x.yaml", []byte(before+after))
		p := new(strictyaml.Problems)
		if !errors.As(err, &p) || len(p.List) != 1 {
			t.Errorf("%s:\ngot  %v\nwant %s, and nothing else", row.becomes, err, row.want)
			continue
		}
		got, line := p.List[0], strings.Count(before, "\n")+1
		want := strictyaml.Problem{File: "x.yaml", Line: line, Column: len(before) - strings.LastIndex(before, "\n"),
			Message: row.want, Suggestion: row.hint, Path: got.Path, Source: got.Source}
		if got != want {
			t.Errorf("%s:\ngot  %v\nwant %v", row.becomes, got, want)
		}
	}
}

// lineOf is the line of the good file that has a word.
func lineOf(word string) string {
	for line := range strings.Lines(good) {
		if strings.Contains(line, word) {
			return strings.TrimSuffix(line, "\n")
		}
	}
	panic(word)
}

// All problems of a file come at once, in order, each with its line.
func TestAllProblemsAtOnce(t *testing.T) {
	src := strings.NewReplacer("seed: 2", "seed: two", "us-east, delay", "us-est, delay", "phase: fault", "phase: falt").
		Replace(good)
	_, err := Parse("x.yaml", []byte(src), Override{"audience.edges", "99"}, Override{"event.duraton", "4s"})
	want := `x.yaml:2:7: "two" is not a whole number from 0 to 2^64-1
seed: two
      ^
x.yaml:13:32: unknown region "us-est"; did you mean "us-east"?
  - {kind: slow-store, region: us-est, delay: 1s, at: 20s, for: 10s}
                               ^
x.yaml:15:41: unknown phase "falt"; did you mean "fault"?
  - {indicator: missed segments, phase: falt, max: 0}
                                        ^
--set event.duraton=4s: unknown key "duraton" in event; did you mean "duration"?
--set audience.edges=99: 99 is out of range: 1 to 32`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// A value that is odd in itself hides nothing that others get wrong beside it.
func TestOddValuesHideNothing(t *testing.T) {
	src := strings.NewReplacer("duration: 60s", "duration: 11s", "fault: 20s}", "fault: 40s}", "for: 10s", "for: 600s",
		"at: 20s", "at: 4s").Replace(good)
	for name, row := range map[string]struct{ src, want string }{
		"an odd duration": {src, `4:13: 11s is not a whole number of segments of 2s; did you mean "12s"?
11:30: phase fault begins at 40s, but the event ends at 11s
13:65: the fault lasts until 10m4s, but the event ends at 11s`},
		"and what can be said without it": {strings.NewReplacer("duration: 11s", "duration: eleven",
			"40s}", "6500ms}", "dvr_share: 5%", "scrub: {at: 1s, for: 1s}").Replace(src),
			`4:13: "eleven" is not a time; write one like 300ms, 2s or 1m30s
10:3: nobody could scrub: dvr_share is 0
11:30: phases begin at whole seconds; did you mean "7s"?`},
		"segments that there are not": {strings.Replace(src, "duration: 11s", "duration: 11s\n  segment: 4s\n  patience: 3s", 1),
			`4:13: 11s is not a whole number of segments of 2s; did you mean "12s"?
5:12: segments of 4s: the looped media of this release has segments of 2s only
6:13: a patience of 3s is longer than the retry budget of 2s
13:30: phase fault begins at 40s, but the event ends at 11s
15:65: the fault lasts until 10m4s, but the event ends at 11s`},
		"no pipelines": {strings.NewReplacer("[a]", "[]", "[b]", "[]", "us-east, delay", "us-est, delay").Replace(good),
			`6:3: no region has a pipeline, so nothing would be published
13:32: unknown region "us-est"; did you mean "us-east"?`},
		"a fault that begins after the end, for who knows how long": {
			strings.Replace(good, "at: 20s, for: 10s", "at: 61s, for: 10", 1),
			`13:56: the fault begins at 1m1s, but the event ends at 1m
13:66: 10 needs a unit; did you mean "10s"?`},
		"two phases, each wrong in its own way": {strings.Replace(good, "{warm-up: 0s, fault: 20s}", "{warm-up: 1s, fault: 500ms}", 1),
			`11:19: the first phase begins at 0s
11:30: phases begin at whole seconds; did you mean "1s"?
11:30: phase fault begins at 500ms, not after warm-up at 1s; phases are in order of time`},
	} {
		_, err := Parse("x.yaml", []byte(row.src))
		p := new(strictyaml.Problems)
		var got []string
		if errors.As(err, &p) {
			for _, one := range p.List {
				one.Source = ""
				got = append(got, strings.TrimPrefix(one.String(), "x.yaml:"))
			}
		}
		if all := strings.Join(got, "\n"); all != row.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, all, row.want)
		}
	}
}

// A recovery that nobody could see is no objective.
func TestRoomForRecovery(t *testing.T) {
	const begins = "nothing can be seen of a recovery: "
	for _, row := range []struct{ about, faults, after, want string }{
		{"just enough", "{kind: none, at: 20s, for: 33700ms}", "none", ""},
		{"a millisecond less", "{kind: none, at: 20s, for: 33701ms}", "none", begins +
			"none ends at 53.701s, and 3 segments and the publish delay later it is 1m0.001s, but the event ends at 1m; " +
			"end the fault by 53.7s or let the event last 1m2s"},
		{"it begins too late already", "{kind: none, at: 54s, for: 1s}", "none", begins +
			"none ends at 55s, and 3 segments and the publish delay later it is 1m1.3s, but the event ends at 1m; " +
			"let the event last 1m2s"},
		{"of one moment", "{kind: edge-flush, at: 54s}", "edge-flush", begins +
			"edge-flush ends at 54s, and 3 segments and the publish delay later it is 1m0.3s, but the event ends at 1m; " +
			"let the fault begin by 53.7s or let the event last 1m2s"},
		{"the last of a kind decides", "{kind: none, at: 50s, for: 5s}, {kind: none, at: 20s, for: 36s}, {kind: none, at: 1s, for: 1s}",
			"none", begins +
				"none-2 ends at 56s, and 3 segments and the publish delay later it is 1m2.3s, but the event ends at 1m; " +
				"end the fault by 53.7s or let the event last 1m4s"},
		{"another one by name", "{kind: none, at: 50s, for: 5s}, {kind: none, name: early, at: 20s, for: 6s}", "early", ""},
	} {
		src := strings.Replace(good, lineOf("missed"), "  - {indicator: recovery time, after: "+row.after+", max: 4s}", 1)
		src = strings.Replace(src, "faults:\n"+lineOf("slow-store"), "faults: ["+row.faults+"]", 1)
		_, err := Parse("x.yaml", []byte(src))
		got := ""
		if p := new(strictyaml.Problems); errors.As(err, &p) && len(p.List) == 1 && p.List[0].Line == 14 && p.List[0].Column == 5 {
			got = p.List[0].Message
		} else if err != nil {
			got = err.Error()
		}
		if got != row.want {
			t.Errorf("%s:\ngot  %s\nwant %s", row.about, got, row.want)
		}
	}
}

// What is a name here is one for the origin.
func TestNames(t *testing.T) {
	for _, s := range []string{"a", "us-east", "v1080", strings.Repeat("a", 63)} {
		if wrong := badName(s); wrong != "" || !origin.ValidName(s) {
			t.Errorf("badName(%q) = %q, origin.ValidName %v; want a name for both", s, wrong, origin.ValidName(s))
		}
	}
	for _, s := range []string{"", "A", "1", "-a", "a.b", "a_b", "a/b", "ü", "a\n", strings.Repeat("a", 64)} {
		if badName(s) == "" {
			t.Errorf("%q is a name", s)
		}
	}
}
