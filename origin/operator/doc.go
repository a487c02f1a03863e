// Package operator is the control plane over HTTP: what operators ask for, and how nodes hear of it.
//
//	liveorigin mask add ...          node                 node
//	      | Client                     | POST /states       | GET /states
//	      v                            |  (Remote.Apply)    v  (Remote.Events, for Node.Follow)
//	   New: /events/{event}/masks/{id} ──> control.Service ──> States
//
// Both have listeners of their own. Operators are known by their tokens, and each of their operations is in the audit;
// nodes share one token. Problems are told as RFC 9457 has it. openapi.yaml describes what operators can ask for, and is
// held against the handlers by a test.
package operator
