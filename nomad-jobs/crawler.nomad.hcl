# One crawler: a batch job of its own for each GUID. crawlfleet parses this file once, and
# sets for each launch: the job's id and meta, namespace, region, datacenters and node pool,
# the constraints of the place, a reserved port where a crawler has an address of its own,
# devices, and the environment. README.md explains every stanza.

variable "driver" {
  type        = string
  default     = "docker"
  description = "docker, exec or raw_exec"
}

variable "image" {
  type        = string
  default     = "crawlfleet-crawler:dev"
  description = "docker: the crawler's image"
}

variable "command" {
  type        = string
  default     = "/usr/local/bin/crawlfleet-crawler"
  description = "exec and raw_exec: the crawler's program on the nodes"
}

variable "network_mode" {
  type        = string
  default     = ""
  description = "docker: the engine's network; empty for its default"
}

variable "extra_hosts" {
  type        = string
  default     = ""
  description = "docker: name:address pairs, comma-separated"
}

variable "cpu" {
  type        = string
  default     = "100"
  description = "MHz"
}

variable "memory" {
  type        = string
  default     = "96"
  description = "MB; a crawler needs 30 while idle"
}

job "crawl" {
  type        = "batch"
  datacenters = ["*"]

  group "crawl" {
    count = 1

    # The workflow decides what comes after an end, never Nomad.
    restart {
      attempts = 0
      mode     = "fail"
    }
    reschedule {
      attempts  = 0
      unlimited = false
    }
    # lost_after has to be there: without it, replace = false is not obeyed.
    disconnect {
      replace    = false
      lost_after = "1h"
      reconcile  = "keep_original"
    }

    ephemeral_disk {
      size = 110
    }

    task "crawler" {
      driver       = var.driver
      kill_signal  = "SIGTERM"
      kill_timeout = "25s"

      dynamic "config" {
        for_each = var.driver == "docker" ? ["docker"] : []
        content {
          image           = var.image
          args            = ["--guid", "${NOMAD_META_crawlfleet_guid}"]
          force_pull      = false
          network_mode    = var.network_mode
          extra_hosts     = compact(split(",", var.extra_hosts))
          readonly_rootfs = true
          cap_drop        = ["all"]
          security_opt    = ["no-new-privileges"]
          pids_limit      = 256
        }
      }
      dynamic "config" {
        for_each = var.driver == "docker" ? [] : [var.driver]
        content {
          command = var.command
          # So that a person finds it in the process table.
          args = ["--guid", "${NOMAD_META_crawlfleet_guid}"]
        }
      }

      # The crawler's credential: from the variable that only this job can read. Without it
      # the task does not start.
      template {
        destination          = "${NOMAD_SECRETS_DIR}/crawler.env"
        env                  = true
        once                 = true
        change_mode          = "noop"
        error_on_missing_key = true
        data                 = <<-EOT
          {{ with nomadVar (env "NOMAD_JOB_ID" | printf "nomad/jobs/%s") -}}
          CRAWLFLEET_TOKEN={{ .CRAWLFLEET_TOKEN.Value | toJSON }}
          {{ range .Tuples }}{{ if .K | regexMatch "^[A-Z]" }}{{ .K }}={{ .V | toJSON }}
          {{ end }}{{ end }}{{ end }}
        EOT
      }

      resources {
        cpu    = var.cpu
        memory = var.memory
      }

      logs {
        max_files     = 2
        max_file_size = 10
      }
    }
  }
}
