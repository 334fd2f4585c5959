// Package workers says what is registered on which queue and runs it: Control is
// the control side (the workflows and their activities on the control queue,
// launches on one queue per substrate account, webhooks on one of their own, the reaper,
// the keeper, the market and the watch beside them), Crawler the two queues of one container.
//
// It opens no store, no provider and no connection: programs hand them in.
package workers
