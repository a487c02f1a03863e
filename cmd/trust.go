package cmd

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/liveorigin/liveorigin/origin/secrets"
)

// trust is whom a verb that speaks to origins believes, over https.
type trust struct{ ca string }

func (t *trust) register(c *cobra.Command) {
	c.Flags().StringVar(&t.ca, "ca", "", "for https: the PEM `file` with who signs the origin's certificates (default: the system's authorities)")
}

// config is nil where nothing is said: then the system's authorities are believed. It is for connections to URLs, one of
// which has to be https.
func (t *trust) config(urls ...string) (*tls.Config, error) {
	switch {
	case t.ca == "":
		return nil, nil
	case !anySecure(urls):
		return nil, fmt.Errorf("--ca is for https, and nothing else is spoken with %s", strings.Join(urls, ", "))
	}
	authorities, err := secrets.ReadAuthorities(t.ca)
	if err != nil {
		return nil, fmt.Errorf("--ca: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authorities}, nil
}

func anySecure(urls []string) bool {
	return slices.ContainsFunc(urls, func(url string) bool { return strings.HasPrefix(url, "https:") })
}

// warnInClear says it when the secret of --token-file goes to another machine as it is.
func warnInClear(w io.Writer, urls ...string) {
	for _, s := range urls {
		if u, err := url.Parse(s); err == nil && u.Scheme == "http" && !secrets.IsLocal(u.Hostname()) {
			fmt.Fprintf(w, "warning: the secret of --token-file goes to %s in clear, where everyone on the way can read it; https keeps it\n", s)
		}
	}
}

// advise adds to a certificate's refusal what can be done about it.
func (t *trust) advise(err error) error {
	var stranger x509.UnknownAuthorityError
	switch {
	case !errors.As(err, &stranger):
		return err
	case t.ca == "":
		return fmt.Errorf("%w; if the authority is your own, --ca names the file with its certificate", err)
	}
	return fmt.Errorf("%w; it is not that of --ca %s", err, t.ca)
}
