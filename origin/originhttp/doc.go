// Package originhttp speaks HTTP for an origin or an edge: handlers over a Getter and a Publisher, a Client that is
// both again on the other side of a connection, the URL layout, and the manifests.
//
//	packager ── Client.Publish ──HTTP──> Publishing ──> origin.Publisher      its own listener
//	viewer, edge ── Client.Get ──HTTP──> Delivery ────> origin.Getter         its own listener
//	                                        └─ manifests and playlists, from the Event and the clock alone
//	origin.Node ── PeerClient ────────HTTP──> Peering ─────> origin.Node      its own listener, not for strangers
//
// The package is an adapter: it decides nothing about segments. What a Getter answered is told in a status and fields,
// and read back from them by the Client, so that a program cannot tell whether HTTP lies in between: except by an
// error, which means that no answer came.
//
// Fields of our own begin with "Live-" and are structured fields (RFC 9651):
//
//	Live-Reason     token   why the answer is what it is (origin.Reason)
//	Live-Pipeline   token   which pipeline's candidate this is, or who publishes
//	Live-Region     token   where it was published
//	Live-Defects    list    what is wrong with it; in a publication, empty means inspected and clean
//	Live-Outcome    token   what became of a publication (origin.Outcome)
//
// What net/http is lenient about, such as a request with two lengths or a folded line, does not reach it: Serve puts
// package guard in front.
package originhttp
