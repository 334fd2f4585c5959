// Package store opens the databases of a fleet and runs transactions on them.
//
// It knows dialects, pools, transactions and migrations, and nothing of what is in
// the tables: controldb is the dispatcher's memory, tenantdb the results and
// frontiers of the tenants. The programs open them; the data plane and the doors
// read through them.
package store
