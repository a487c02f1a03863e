package originserver

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/liveorigin/liveorigin/origin"
	"github.com/liveorigin/liveorigin/origin/operator"
	"github.com/liveorigin/liveorigin/origin/originhttp"
	"github.com/liveorigin/liveorigin/origin/servertest"
)

// Who has a secret can lose it to another one while the origin serves: packagers and operators alike.
func TestSecretsAreReloaded(t *testing.T) {
	dir := folder(t)
	s := start(t, dir, "name: o\nregion: east\n"+onFreePorts+`
credentials: {tokens: tokens.json}
operators: operators.txt
events:
  - {id: live, start: now, ladder: small, regions: [{name: east, pipelines: [a]}]}
`)
	ev, _ := s.node.Event("live")
	header := publication(t, ev, "a", origin.Header)
	publishes := func(token string) func() bool {
		return func() bool {
			r, err := client(t, "http://"+s.at[publish], originhttp.ClientOptions{Token: token}).Publish(t.Context(), header)
			if err != nil {
				t.Fatal(err)
			}
			return r.Outcome.Accepted()
		}
	}
	operates := func(token string) func() bool {
		return func() bool {
			c := operator.NewClient("http://"+s.at[operate], token, nil)
			defer c.Close()
			_, err := c.Events(t.Context())
			var p *operator.Problem
			if err != nil && (!errors.As(err, &p) || p.Status != http.StatusUnauthorized) {
				t.Fatal(err)
			}
			return err == nil
		}
	}
	const next = "the-next-secret-0123456789"
	for file, text := range map[string]string{"tokens.json": `{"live/a": "` + next + `"}`, "operators.txt": "ann " + next + "\n"} {
		check, before := publishes, packagerToken
		if file == "operators.txt" {
			check, before = operates, operatorSecret
		}
		if !check(before)() || check(next)() {
			t.Errorf("%s: not as it is at first", file)
		}
		later := time.Now().Add(time.Minute)
		path := filepath.Join(dir, file)
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, later, later)); err != nil {
			t.Fatal(err)
		}
		servertest.Eventually(t, file+" is taken", check(next))
		if check(before)() {
			t.Errorf("%s: the old secret is still taken", file)
		}
		if err := os.WriteFile(path, []byte("nothing"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
		if !check(next)() {
			t.Errorf("%s: a file that says nothing took the secret away", file)
		}
	}
}
