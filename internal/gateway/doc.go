// Package gateway is the one door through which a crawler off the control side's own
// network reaches it: Temporal and the data plane, on one listener, over TLS.
//
// A crawler comes with a bootstrap token, which is good for one nonce of its own making,
// and gets a credential that lasts for minutes. With it, it may poll its own two queues,
// answer its own tasks, and exchange batches of its own tickets, and nothing else: every
// call that is not in the table of rules is refused before it is read. A task token leaves
// sealed for the crawler that it was given to; a worker's name, namespace and keys are
// written anew. What is refused is counted, and logged once for each crawler and kind.
//
// It holds no state that matters: tokens and seals are derived from the fleet's secret,
// and who may come in is in the control store, which it asks through the data plane. It
// may be killed at any moment, and there may be several.
package gateway
