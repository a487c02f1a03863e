// Package containers starts what a real store stands on - Cassandra and memcached, in containers - and breaks it.
//
//	           us-east                           us-west
//	 zone 1    zone 2    zone 3        zone 1    zone 2    zone 3
//	cassandra cassandra cassandra     cassandra cassandra cassandra    a data centre a region, a rack a zone
//	   |---------|---------|             |---------|---------|         the region's network
//	   '---------'---------'-------------'---------'---------'         the network between regions
//	memcached memcached memcached     memcached memcached memcached
//	   |         |         |             |         |         |         ports published on 127.0.0.1
//
// The networks of the nodes have addresses of their own and nothing is published there, so cutting them
// ([Disconnect], [Partition]) takes a node from its peers and leaves its clients. Host ports and addresses are chosen when
// a container is made, not when it starts, so a node that comes back is where it was.
//
// Everything carries labels that say which run made it and which process that was. [Sweep] removes what a dead process
// left; [Attach] finds the stack that was started to be kept.
package containers
