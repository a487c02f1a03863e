package cmd

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// trust is whom a verb that speaks to origins believes, over https.
type trust struct{ ca string }

func (t *trust) register(c *cobra.Command) {
	c.Flags().StringVar(&t.ca, "ca", "", "for https: the PEM `file` with who signs the origin's certificates (default: the system's authorities)")
}

// config is nil where nothing is said: then the system's authorities are believed.
func (t *trust) config() (*tls.Config, error) {
	if t.ca == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(t.ca)
	if err != nil {
		return nil, fmt.Errorf("--ca: %w", err)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--ca: %s has no certificate in PEM; it wants that of the authority which signed the origin's, from its line BEGIN CERTIFICATE on", t.ca)
	}
	return c, nil
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
