package cmd

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// playersDirectory is where `make players` puts dash.js and hls.js.
const playersDirectory = "bin/players/node_modules"

// page plays what its URL says with one of the players, and remembers what went wrong.
const page = `<!doctype html><title>a player</title><video muted autoplay></video>
<script src="/dashjs/dist/modern/umd/dash.all.min.js"></script><script src="/hls.js/dist/hls.min.js"></script>
<script>
const video = document.querySelector('video'), query = new URLSearchParams(location.search), errors = []
if (query.get('with') === 'dash.js') {
  const player = dashjs.MediaPlayer().create()
  player.on('error', e => errors.push(JSON.stringify(e.error)))
  player.initialize(video, query.get('manifest'), true)
} else {
  const player = new Hls()
  player.on(Hls.Events.ERROR, (_, e) => errors.push(e.type + ': ' + e.details))
  player.loadSource(query.get('manifest'))
  player.attachMedia(video)
}
const played = () => {
  let seconds = 0
  for (let i = 0; i < video.played.length; i++) seconds += video.played.end(i) - video.played.start(i)
  return {seconds, width: video.videoWidth, frames: video.getVideoPlaybackQuality().totalVideoFrames, errors}
}
</script>`

// A playback is what a page says of its video so far.
type playback struct {
	Seconds float64  `json:"seconds"` // of media that were on screen
	Width   int      `json:"width"`
	Frames  int      `json:"frames"`
	Errors  []string `json:"errors"`
}

// Players in a real browser play an event while it is live, at the origin and at an edge, and meet no error.
func TestBrowserPlays(t *testing.T) {
	t.Parallel()
	browser := needBrowser(t)
	begins := time.Now().Add(10 * time.Second).Truncate(2 * time.Second) // when all that a first segment takes is there
	config := strings.ReplaceAll(twoEvents, "start: now", "start: "+begins.UTC().Format(time.RFC3339))
	o := begin(t, "origin", "--config", configuration(t, config), "--publish", "127.0.0.1:0", "--deliver", "127.0.0.1:0",
		"--operate", "127.0.0.1:0")
	at := o.addresses(t, "publish", "deliver", "operate")
	begin(t, "encode", "--to", at["publish"], "--config-from", at["deliver"], "--event", "open", "--pipeline", "a")
	edge := begin(t, "edge", "--listen", "127.0.0.1:0", "--origin", "us-east="+at["deliver"], "--event", "open")
	site := servePlayers(t)
	time.Sleep(time.Until(begins))
	// Whoever comes with the first segment has a buffer of one, and may have to wait for the next; hls.js says so.
	const stalls = "mediaError: bufferStalledError"
	pageOf := func(player, manifest string) string {
		return site + "/?" + url.Values{"with": {player}, "manifest": {manifest}}.Encode()
	}
	watch(t, browser, pageOf("hls.js", at["deliver"]+"/open/master.m3u8"), stalls)
	for _, from := range []string{at["deliver"], edge.addresses(t, "deliver")["deliver"]} {
		watch(t, browser, pageOf("hls.js", from+"/open/master.m3u8"))
		watch(t, browser, pageOf("dash.js", from+"/open/manifest.mpd"))
	}
}

// watch opens a page and waits until it has played two segments, with no error but those that may be.
func watch(t *testing.T, browser context.Context, page string, mayBe ...string) {
	t.Helper()
	const enough = 4 // seconds
	tab, closeTab := chromedp.NewContext(browser)
	defer closeTab()
	tab, cancel := context.WithTimeout(tab, 6*patience)
	defer cancel()
	if err := chromedp.Run(tab, chromedp.Navigate(page)); err != nil {
		t.Fatalf("%s: %v", page, err)
	}
	var seen playback
	for seen.Seconds < enough && len(seen.Errors) == 0 {
		if err := chromedp.Run(tab, chromedp.Sleep(200*time.Millisecond), chromedp.Evaluate("played()", &seen)); err != nil {
			t.Fatalf("%s: %v; so far %+v", page, err, seen)
		}
		seen.Errors = slices.DeleteFunc(seen.Errors, func(e string) bool { return slices.Contains(mayBe, e) })
	}
	if len(seen.Errors) > 0 || seen.Width == 0 || seen.Frames == 0 {
		t.Errorf("%s: %+v", page, seen)
	}
}

// needBrowser starts a browser without a window, which the test's end closes. Where there is none, or no players, the test
// is skipped; LIVEORIGIN_REQUIRE_BROWSER=1 makes that a failure.
func needBrowser(t *testing.T) context.Context {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err == nil {
		_, err = os.Stat(filepath.Join(playersDirectory, "dashjs"))
	}
	switch {
	case err == nil:
	case os.Getenv("LIVEORIGIN_REQUIRE_BROWSER") == "1":
		t.Fatal(err)
	default:
		t.Skipf("%v: install chromium and run `make players`", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("autoplay-policy", "no-user-gesture-required"))
	started, stop := chromedp.NewExecAllocator(t.Context(), options...)
	browser, closeBrowser := chromedp.NewContext(started)
	t.Cleanup(func() { closeBrowser(); stop() })
	if err := chromedp.Run(browser); err != nil {
		t.Fatal(err)
	}
	return browser
}

// servePlayers is the site of the page: another host than the origin's, as players are used.
func servePlayers(t *testing.T) string {
	t.Helper()
	files := http.FileServer(http.Dir(playersDirectory))
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			files.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, page)
	}))
	t.Cleanup(site.Close)
	return site.URL
}
