# All that the token of crawlfleet's control side needs.

namespace "default" {
  capabilities = [
    "list-jobs",       # the fleet's jobs, allocations and evaluations
    "read-job",        # one job, and the event stream
    "parse-job",       # crawler.nomad.hcl, once
    "submit-job",      # launch, stop and purge
    "alloc-lifecycle", # SIGKILL when a shorter grace is over
    "read-logs",       # crawlfleet crawler logs
  ]

  variables {
    # The tokens of the crawlers' jobs, how they ended, and who has which address.
    path "nomad/jobs/crawl-*" {
      capabilities = ["write", "read", "list", "destroy"]
    }
  }
}

# The egress address that a node declares.
node {
  policy = "read"
}
