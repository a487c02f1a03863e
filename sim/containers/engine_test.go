package containers

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A fake answers as a Docker engine of a version, with some images and so much memory.
type fake struct {
	api                  string
	memory               int64
	images               []string
	containers, networks string // what there is, as JSON
}

func fakeEngine(t *testing.T, api string, memory int64, images ...string) {
	fake{api, memory, images, "[]", "[]"}.start(t)
}

// start listens on a socket that DOCKER_HOST names.
func (f fake) start(t *testing.T) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "docker.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	answer := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/_ping", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", f.api) })
	mux.HandleFunc("/{v}/info", answer(fmt.Sprintf(`{"ServerVersion": "20.10.24", "MemTotal": %d}`, f.memory)))
	mux.HandleFunc("/{v}/containers/json", answer(f.containers))
	mux.HandleFunc("/{v}/networks", answer(f.networks))
	mux.HandleFunc("/{v}/images/{name}/json", func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(f.images, r.PathValue("name")) {
			http.Error(w, `{"message": "No such image"}`, http.StatusNotFound)
			return
		}
		io.WriteString(w, `{"Id": "sha256:1", "Config": {"Labels": {"org.liveorigin.stand-in": "jars"}}}`)
	})
	server := &http.Server{Handler: mux}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	t.Setenv("DOCKER_HOST", "unix://"+socket)
}

// What is missing is said with what to do, before anything is started.
func TestNotHere(t *testing.T) {
	for name, row := range map[string]struct {
		setUp func(t *testing.T)
		is    error
		says  []string
	}{
		"no engine": {func(t *testing.T) { t.Setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock") },
			ErrNoEngine, []string{"/nonexistent/docker.sock", "apt-get install docker.io", "DOCKER_HOST"}},
		"no such host":                    {func(t *testing.T) { t.Setenv("DOCKER_HOST", "nonsense") }, ErrNoEngine, []string{"DOCKER_HOST"}},
		"too old for the client":          {func(t *testing.T) { fakeEngine(t, "1.24", 1<<40) }, ErrTooOld, []string{"1.24", "Docker 20.10"}},
		"too old for us":                  {func(t *testing.T) { fakeEngine(t, "1.40", 1<<40) }, ErrTooOld, []string{"1.40", "1.41"}},
		"no images":                       {func(t *testing.T) { fakeEngine(t, "1.41", 1<<40) }, ErrNoImage, []string{CassandraImage, MemcachedImage, "make images"}},
		"one image":                       {func(t *testing.T) { fakeEngine(t, "1.41", 1<<40, MemcachedImage) }, ErrNoImage, []string{CassandraImage}},
		"a small machine":                 {func(t *testing.T) { fakeEngine(t, "1.41", 2<<30, CassandraImage, MemcachedImage) }, ErrMemory, []string{"12 parts may take 7.0 GiB", "2.0 GiB", "small profile"}},
		"something that is not an engine": {func(t *testing.T) { silentEngine(t) }, ErrNoEngine, nil},
	} {
		t.Run(name, func(t *testing.T) {
			row.setUp(t)
			_, err := Up(t.Context(), Plan{Name: "x", Regions: Regions([]string{"e", "w"}, 3)})
			if !errors.Is(err, row.is) {
				t.Fatalf("got %v, want %v", err, row.is)
			}
			for _, word := range row.says {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("got %v, want %q", err, word)
				}
			}
		})
	}
}

// silentEngine hangs up on everybody.
func silentEngine(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "docker.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	t.Setenv("DOCKER_HOST", "unix://"+socket)
}

func TestCheck(t *testing.T) {
	fakeEngine(t, "1.43", 8<<30, "other:1", MemcachedImage)
	m, err := Check(t.Context(), Images{Cassandra: "other:1"})
	if err != nil || m.API != "1.43" || m.Memory != 8<<30 || len(m.Images) != 2 || m.Images[0] != (Image{"other:1", "sha256:1", "jars"}) {
		t.Errorf("%+v, %v", m, err)
	}
}

// What a dead process made is left over, unless it is to be kept; so are networks that have no containers yet.
func TestLeftovers(t *testing.T) {
	labelled := func(run, owner, more string) string {
		return fmt.Sprintf(`{"Labels": {"org.liveorigin.run": %q, "org.liveorigin.owner": %q%s}}`, run, owner, more)
	}
	containers := strings.Join([]string{labelled("mine", owner(), ""), labelled("dead", "", ""), labelled("dead", "", ""),
		labelled("kept", "", `, "org.liveorigin.keep": "true"`)}, ",")
	fake{api: "1.41", containers: "[" + containers + "]", networks: "[" + labelled("early", "", "") + "]"}.start(t)
	got, err := Leftovers(t.Context())
	if err != nil || !slices.Equal(got, []string{"dead", "early"}) {
		t.Errorf("%v, %v, want dead and early", got, err)
	}
}

// An owner is gone when its process is, or when its number went to a younger one.
func TestOwner(t *testing.T) {
	host, _ := os.Hostname()
	for owner, want := range map[string]bool{
		owner():         false,
		"elsewhere/1/1": false,
		fmt.Sprintf("%s/%d/1", host, os.Getpid()): true,
		host + "/2147483646/1":                    true,
		host + "/x/1":                             true,
		"":                                        true,
	} {
		if got := gone(owner); got != want {
			t.Errorf("%q is gone: %v, want %v", owner, got, want)
		}
	}
}
