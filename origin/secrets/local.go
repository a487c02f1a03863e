package secrets

import "net/netip"

// IsLocal says whether a host is this machine itself, by its name or address: then a secret can be told it in clear.
func IsLocal(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
