// Package control is what operators do to events: operations, the store that keeps what came of them, and the telling.
//
//	operator ──> Service.Do(who, Operation)
//	                │ Operation.Change: the state that follows, or why not
//	                v
//	             Store.Save        compare-and-set on the version: one document an event
//	                │ Journal.Append  who, when, what, version
//	                v
//	             Listener.Apply    every node, all at once
//	                                  ...and who missed it asks: origin.Directory, Node.Follow
//
// An event is one small document, and there are few: nothing that could be out of date lies between it and a node. It
// runs on both clocks; package files keeps the documents in a directory, and package operator speaks HTTP.
package control
