package reports

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// latencyHistogram is one as a generator makes it in a second: lognormal around the middle, so many samples.
func latencyHistogram(rng *rand.Rand, middle float64, samples int) string {
	h := hdrhistogram.NewPacked(1, 60_000_000, 2)
	for range samples {
		if err := h.RecordValue(int64(middle * math.Exp(0.4*rng.NormFloat64()))); err != nil {
			panic(err)
		}
	}
	b, err := h.Encode()
	if err != nil {
		panic(err)
	}
	return string(b)
}

// byLibrary is what the library makes of a histogram.
func byLibrary(t testing.TB, encoded string) *hdrhistogram.PackedHistogram {
	t.Helper()
	h, err := hdrhistogram.DecodePacked([]byte(encoded))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Whatever geometry a generator has chosen, the buckets are those that the library reads.
func TestHistogramsAreReadAsTheLibraryDoes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var d histogramReader // one for all: nothing stays behind
	for i := range 60 {
		lowest, digits := int64(1)<<rng.IntN(12), 1+rng.IntN(5)
		h := hdrhistogram.New(lowest, lowest*1000<<rng.IntN(15), digits)
		for range rng.IntN(60) {
			v := rng.Int64N(h.HighestTrackableValue()>>rng.IntN(20) + 1)
			if err := h.RecordValues(v, 1+rng.Int64N(1<<rng.IntN(40))); err != nil {
				t.Fatal(err)
			}
		}
		encoded := encode(h)
		got, err := d.read(encoded, nil)
		if err != nil {
			t.Fatalf("%d: %d digits from %d on: %v", i, digits, lowest, err)
		}
		want := byLibrary(t, encoded)
		var total int64
		for j, b := range got {
			if n := want.CountAtValue(b.value); n != b.count || j > 0 && b.value <= got[j-1].value {
				t.Fatalf("%d: %d digits from %d on: bucket %d is %+v, want %d of them, and values that rise",
					i, digits, lowest, j, b, n)
			}
			total += b.count
		}
		if total != want.TotalCount() || len(got) != int(want.Populated()) {
			t.Fatalf("%d: %d values in %d buckets, want %d in %d", i, total, len(got), want.TotalCount(), want.Populated())
		}
	}
}

// However lines of cells alternate, each cell has what all its lines come to.
func TestCellsGatherTheirHistograms(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var file strings.Builder
	want := map[string]*hdrhistogram.PackedHistogram{east: newPacked(), west: newPacked(), "lag": newPacked()}
	for range 40 {
		region := [...]string{east, west}[rng.IntN(2)]
		latency, lag := latencyHistogram(rng, 400_000, 50), latencyHistogram(rng, 900, 50)
		fmt.Fprintf(&file, `{"kind":"interval","at_us":1000000,"region":"%s","latency":"%s","lag":"%s"}`+"\n", region, latency, lag)
		want[region].Merge(byLibrary(t, latency))
		want["lag"].Merge(byLibrary(t, lag))
	}
	a, _, err := readAudience(newHistory(&quiet().plan), strings.NewReader(file.String()))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]*hdrhistogram.PackedHistogram{
		east: a.cells[place{1, east}].latency, west: a.cells[place{1, west}].latency, "lag": newPacked(),
	}
	got["lag"].MergeFrom(a.lag)
	for name, h := range want {
		if !bytes.Equal(packedBytes(t, got[name]), packedBytes(t, h)) {
			t.Errorf("%s: %d values up to %d, want %d up to %d", name, got[name].TotalCount(), got[name].Max(), h.TotalCount(), h.Max())
		}
	}
}

func packedBytes(t *testing.T, h *hdrhistogram.PackedHistogram) []byte {
	t.Helper()
	b, err := h.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// wire is a histogram as it is written, field by field.
type wire struct {
	outer, inner, digits uint32
	lowest               int64
	counts               []byte
	length               int // announced, beyond what there is
	trailing             string
}

func (w wire) String() string {
	inner := binary.BigEndian.AppendUint32(nil, w.inner)
	inner = binary.BigEndian.AppendUint32(inner, uint32(len(w.counts)+w.length))
	inner = binary.BigEndian.AppendUint32(inner, 0)
	inner = binary.BigEndian.AppendUint32(inner, w.digits)
	inner = binary.BigEndian.AppendUint64(inner, uint64(w.lowest))
	inner = binary.BigEndian.AppendUint64(inner, 60_000_000)
	inner = binary.BigEndian.AppendUint64(inner, math.Float64bits(1))
	inner = append(append(inner, w.counts...), w.trailing...)
	var z bytes.Buffer
	zw := zlib.NewWriter(&z)
	zw.Write(inner)
	zw.Close()
	outer := binary.BigEndian.AppendUint32(nil, w.outer)
	outer = binary.BigEndian.AppendUint32(outer, uint32(z.Len()))
	return base64.StdEncoding.EncodeToString(append(outer, z.Bytes()...))
}

func TestDamagedHistograms(t *testing.T) {
	counts := func(ns ...int64) (b []byte) {
		for _, n := range ns {
			b = binary.AppendVarint(b, n)
		}
		return b
	}
	good := wire{outer: 0x1c849314, inner: 0x1c849313, digits: 2, lowest: 1, counts: counts(-100, 7)}
	changed := func(change func(*wire)) string { w := good; change(&w); return w.String() }
	var d histogramReader
	if got, err := d.read(good.String(), nil); err != nil || len(got) != 1 || got[0] != (bucket{100, 7}) {
		t.Fatalf("%+v, %v; the damage below is to something that is no histogram", got, err)
	}
	whole := good.String()
	spoiled, _ := base64.StdEncoding.DecodeString(whole)
	spoiled[len(spoiled)-1] ^= 1
	for _, tt := range []struct{ name, encoded, want string }{
		{"not base64", "????", "illegal base64"},
		{"cut short", whole[:len(whole)-8], "compressed bytes"},
		{"nothing but a cookie", whole[:8], "not of HdrHistogram's V2, compressed"},
		{"another format", changed(func(w *wire) { w.outer = 1 }), "not of HdrHistogram's V2, compressed"},
		{"another format inside", changed(func(w *wire) { w.inner = 1 }), "not of HdrHistogram's V2"},
		{"wrong checksum", base64.StdEncoding.EncodeToString(spoiled), "checksum"},
		{"more than announced", changed(func(w *wire) { w.trailing = "x" }), "more than 3 bytes of counts"},
		{"less than announced", changed(func(w *wire) { w.length = 5 }), "3 bytes of counts of 8"},
		{"a gigabyte announced", changed(func(w *wire) { w.length = 1 << 30 }), "are the most"},
		{"no digits", changed(func(w *wire) { w.digits = 0 }), "0 digits"},
		{"six digits", changed(func(w *wire) { w.digits = 6 }), "6 digits"},
		{"a unit of years", changed(func(w *wire) { w.lowest = 1 << 50 }), "digits from 1125899906842624 on"},
		{"a count that goes on for ever", changed(func(w *wire) { w.counts = bytes.Repeat([]byte{0xff}, 9) }), "damaged counts"},
		{"empty buckets that wrap around", changed(func(w *wire) {
			w.counts = append(bytes.Repeat(counts(-1<<55), 1<<9), counts(1)...)
		}), "damaged counts"},
		{"a count of nine bytes", changed(func(w *wire) { w.counts = []byte{0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0} }), "damaged counts"},
		{"half a count", changed(func(w *wire) { w.counts = []byte{0x80} }), "damaged counts"},
		{"more than can be counted", changed(func(w *wire) { w.counts = counts(numberMax, 1) }), "are no measurement"},
		{"a latency of a month", changed(func(w *wire) { w.counts = counts(-5000, 1) }), "are no measurement"},
		{"empty buckets without end", changed(func(w *wire) { w.counts = counts(-indexMax, -indexMax, 0) }), "are no measurement"},
	} {
		got, err := d.read(tt.encoded, nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, %v; want an error that says %q", tt.name, got, err, tt.want)
		}
		if got, err := d.read(whole, nil); err != nil || len(got) != 1 {
			t.Fatalf("after %s, a good one gives %v, %v", tt.name, got, err)
		}
	}
}

// What is read is what the library reads, or nothing.
func FuzzHistogram(f *testing.F) {
	f.Add(latencyHistogram(rand.New(rand.NewPCG(1, 2)), 400_000, 50))
	f.Add(encode(hdrhistogram.New(8, 1000, 5)))
	f.Add("HISTFAAAAB")
	f.Fuzz(func(t *testing.T, encoded string) {
		got, err := new(histogramReader).read(encoded, nil)
		if err != nil || encoded == "" {
			return
		}
		want, err := hdrhistogram.DecodePacked([]byte(encoded))
		if err != nil {
			return // it looks at more of the header than we do
		}
		for _, b := range got {
			if n := want.CountAtValue(b.value); n != b.count {
				t.Errorf("%+v, want %d", b, n)
			}
		}
	})
}

// The same audience, with the library's reader and with ours. Of a 3 h event there are 100,000 lines.
func BenchmarkHistograms(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	var encoded []string
	for range 1000 {
		encoded = append(encoded, latencyHistogram(rng, 400_000, 200))
	}
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		merged := newPacked()
		for i := 0; b.Loop(); i++ {
			merged.Merge(byLibrary(b, encoded[i%len(encoded)]))
		}
	})
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		var d histogramReader
		var buckets []bucket
		var all, spare []bucket
		for i := 0; b.Loop(); i++ {
			var err error
			if buckets, err = d.read(encoded[i%len(encoded)], buckets[:0]); err != nil {
				b.Fatal(err)
			}
			all, spare = sum(spare[:0], all, buckets), all
		}
	})
}

// An audience as a 3 h event leaves it, 100 seconds of it: nine renditions in two regions, a line a second each.
func BenchmarkAudience(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	var audience bytes.Buffer
	lines := 0
	for s := range int64(100) {
		for _, region := range []string{east, west} {
			for r := range 9 {
				lines++
				fmt.Fprintf(&audience, `{"kind":"interval","at_us":%d,"phase":"peak","region":"%s","rendition":"v%d","class":"live",`+
					`"served_region":"%s","pipeline":"a","requests":1400000,"segments":1400000,"bytes":3500000000000,"held":12000,`+
					`"unchecked":1400000,"latency":"%s","ttfb":"%s","lag":"%s"}`+"\n", s*second, region, r, region,
					latencyHistogram(rng, 400_000, 200), latencyHistogram(rng, 20_000, 200), latencyHistogram(rng, 900, 20))
			}
		}
	}
	w := quiet()
	b.SetBytes(int64(audience.Len()))
	for b.Loop() {
		if _, _, err := readAudience(newHistory(&w.plan), bytes.NewReader(audience.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(lines)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}
