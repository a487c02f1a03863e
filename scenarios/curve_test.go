package scenarios

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestCurve(t *testing.T) {
	const m = time.Minute
	want := []CurvePoint{{0, 10}, {90 * time.Second, 2500}, {2 * m, 0}, {62 * m, 200_000_000}}
	for why, src := range map[string]string{
		"durations":         "time,viewers\n0s,10\n90s,2500\n2m,0\n1h2m,200000000\n",
		"seconds":           "time,viewers\n0,10\n90,2500\n120,0\n3720.0,200000000",
		"carriage returns":  "time,viewers\r\n0,10\r\n90,2500\r\n120,0\r\n3720,200000000\r\n",
		"from spreadsheets": "\ufefftime,viewers\n\"0\",\"10\"\n\"1m30s\",\"2500\"\n120,0\n3720,200000000\n",
		"blanks":            "time, viewers\n\n0, 10\n90, 2500 \n120 , 0\n\n3720, 200000000\n\n",
	} {
		table := &curveTable{file: "x.csv"}
		points := table.read([]byte(src))
		if len(table.found) > 0 {
			t.Errorf("%s: %v", why, table.found)
		}
		same(t, why, points, want)
	}
}

// Every bad line is told, with its number and the next step; each row's file has one.
func TestCurveProblems(t *testing.T) {
	for _, row := range []struct{ src, want string }{
		{"", "1:1: empty; begin with the line time,viewers"},
		{"\n\n", "1:1: empty; begin with the line time,viewers"},
		{"0s,10\n", `1:1: "0s,10" is not the header; begin with the line time,viewers`},
		{"time;viewers\n0;10\n", `1:1: "time;viewers" is not the header; begin with the line time,viewers`},
		{"time,viewers,note\n", `1:1: "time,viewers,note" is not the header; begin with the line time,viewers`},
		{"time,viewers\n", "1:1: no points; add lines below the header, such as 0s,1000"},
		{"time,viewers\n0s,0\n9s,0\n", "1:1: nobody ever watches; give one point some viewers"},
		{"time,viewers\n0s,5\n9s\n", "3:1: 1 values; write two, time and viewers: 1m30s,2500"},
		{"time,viewers\n0s,5\n9s,1,000\n", "3:1: 3 values; write two, time and viewers: 1m30s,2500"},
		{"time,viewers\n0s,5\n9 secs,1\n", `3:1: "9 secs" is not a time; write one like 300ms, 2s or 1m30s`},
		{"time,viewers\n0s,5\n20:15,1\n",
			`3:1: "20:15" is a time of day; write how long after the event's start, as 90s, 1h2m or in seconds`},
		{"time,viewers\n0s,5\n,1\n", `3:1: "" is not a time; write one like 300ms, 2s or 1m30s`},
		{"time,viewers\n-1s,5\n0s,1\n", `2:1: -1s is negative; times count from the event's start`},
		{"time,viewers\n0s,5\n25h,1\n", "3:1: 25h is out of range: 0s to 24h"},
		{"time,viewers\n0s,5\n9s,1\n9s,2\n", "4:1: 9s is not after 9s in the line before; sort the lines by time"},
		{"time,viewers\n0s,5\n9s,1\n\n8,2\n", "5:1: 8s is not after 9s in the line before; sort the lines by time"},
		{"time,viewers\n0s,5\n9s,1.5\n", `3:4: "1.5" is not a whole number; write one without a unit or a comma`},
		{"time,viewers\n0s,5\n9s,1e6\n", `3:4: "1e6" is not a whole number; write one without a unit or a comma`},
		{"time,viewers\n0s,5\n9s,\n", `3:4: "" is not a whole number; write one without a unit or a comma`},
		{"time,viewers\n0s,5\n9s,-1\n", "3:4: -1 viewers; write 0 for nobody"},
		{"time,viewers\n0s,5\n9s,200000001\n",
			"3:4: 200000001 viewers are more than the 200000000 that a scenario has at most"},
		{"time,viewers\n0s,5\n9s,99999999999999999999\n",
			"3:4: 99999999999999999999 viewers are more than the 200000000 that a scenario has at most"},
		{"time,viewers\n0s,5\n9s,\"1\n", `3:7: not CSV: extraneous or missing " in quoted-field; write lines such as 1m30s,2500`},
		{"time,viewers\n0s,5\n9s,\xff\n", "3:1: not text in UTF-8; save it as such"},
		{"time,viewers\n0s,1\n" + strings.Repeat(" ", maxCurveBytes),
			"1:1: more than 4194304 bytes; leave out points on the way: between two the audience changes evenly"},
		{manyPoints(maxCurvePoints + 2), "100002:1: more than 100000 points; leave out some on the way: between two the " +
			"audience changes evenly"},
	} {
		table := &curveTable{file: "x.csv"}
		table.read([]byte(row.src))
		var got []string
		for _, p := range table.found {
			p.Source = ""
			got = append(got, p.String())
		}
		if all := strings.Join(got, "\n"); all != "x.csv:"+row.want {
			t.Errorf("%.60q:\ngot  %s\nwant x.csv:%s", row.src, all, row.want)
		}
	}
}

func manyPoints(n int) string {
	var b strings.Builder
	b.WriteString("time,viewers\n")
	for i := range n {
		fmt.Fprintf(&b, "%d.%d,1\n", i/10, i%10)
	}
	return b.String()
}

// A curve is found beside its scenario, wherever that is, its problems are told with the scenario's own, and what was
// read is kept so that the scenario can be read again.
func TestCurveFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "x.yaml")
	scenario := strings.Replace(least, "viewers: {peak: 1}", "curve: sub/y.csv", 1)
	write := func(name, text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, "sub"), 0o755),
			os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write("x.yaml", scenario)
	if _, err := Load(file); err == nil || !strings.Contains(err.Error(), "x.yaml:4:19: read curve: open ") ||
		!strings.Contains(err.Error(), "no such file or directory; names are relative to the scenario's folder") {
		t.Errorf("without the curve: %v", err)
	}
	write("sub/y.csv", "time,viewers\n0s,5\n4s,900000\n")
	s, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	points := []CurvePoint{{0, 5}, {4 * time.Second, 900_000}}
	same(t, "curve", s.Audience.Curve, points)
	again, err := ParseWith(func(string) ([]byte, error) { return s.CurveSource, nil }, "x.yaml", s.Source)
	if err != nil || s.CurveFile != "sub/y.csv" {
		t.Fatalf("%s again: %v", s.CurveFile, err)
	}
	same(t, "again", again.Audience.Curve, points)

	write("sub/y.csv", "time,viewers\n0s,5\n4s,many\n3s,7\n")
	write("x.yaml", scenario+"sed: 5\n")
	_, err = Load(file, Override{"event.duraton", "4s"}, Override{"seed", "-1"})
	want := file + `:5:1: unknown key "sed"; did you mean "seed"?
sed: 5
^
` + filepath.Join(dir, "sub/y.csv") + `:3:4: "many" is not a whole number; write one without a unit or a comma
4s,many
   ^
--set event.duraton=4s: unknown key "duraton" in event; did you mean "duration"?
--set seed=-1: "-1" is not a whole number from 0 to 2^64-1`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}

	write("x.yaml", scenario)
	write("sub/y.csv", "time,viewers\n0s,5\n")
	write("z.csv", "time,viewers\n12s,5\n")
	set := []Override{{"audience.curve", "z.csv"}}
	if _, err = Load(file, set...); err == nil ||
		err.Error() != "--set audience.curve=z.csv: the curve begins at 12s, but the event ends at 10s" {
		t.Errorf("a curve by override, that begins too late: %v", err)
	}
	set[0].Value = filepath.Join(dir, "z.csv")
	if _, err = Load(file, append(set, Override{"event.duration", "20s"})...); err != nil {
		t.Errorf("a curve by its full name: %v", err)
	}
	if _, err = Load("quiet", set...); err == nil || !strings.Contains(err.Error(), "read curve: open ") {
		t.Errorf("a curve that is not shipped: %v", err)
	}
	if _, err = Load(file, Override{"audience.viewers", "{peak: 5}"}); err == nil ||
		err.Error() != "--set audience.viewers={peak: 5}: the curve says how many watch; take viewers out, or curve" {
		t.Errorf("viewers and a curve: %v", err)
	}
}

func FuzzCurve(f *testing.F) {
	f.Add([]byte("time,viewers\n0s,10\n90,2500\n1h2m3s,0\n"))
	f.Add([]byte("\ufefftime,viewers\r\n\"0\",\"10\"\r\n"))
	f.Add([]byte("time,viewers\n9s,1,\n\xff"))
	f.Fuzz(func(t *testing.T, src []byte) {
		table := &curveTable{file: "x.csv"}
		points := table.read(src)
		if len(table.found) > 0 {
			for _, p := range table.found {
				if p.Line < 1 || p.Column < 1 || p.Message == "" || len(p.String()) > 10_000 {
					t.Fatalf("%q: %+v", src, p)
				}
			}
			return
		}
		if peak := peakOf(points); peak < 1 || peak > maxViewers {
			t.Fatalf("%q: a peak of %d", src, peak)
		}
		text := "time,viewers\n"
		for i, p := range points {
			if p.At < 0 || p.At > day || p.Viewers < 0 || i > 0 && p.At <= points[i-1].At {
				t.Fatalf("%q: point %d is %+v", src, i, p)
			}
			text += fmt.Sprintf("%v,%d\n", p.At, p.Viewers)
		}
		again := (&curveTable{file: "x.csv"}).read([]byte(text))
		if fmt.Sprint(again) != fmt.Sprint(points) {
			t.Fatalf("%q: %v became %v", src, points, again)
		}
	})
}
