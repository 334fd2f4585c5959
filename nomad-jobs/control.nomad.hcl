# The control side of a fleet: one `crawlfleet worker`. README.md explains every stanza.

variable "driver" {
  type        = string
  default     = "docker"
  description = "docker, exec or raw_exec"
}

variable "image" {
  type        = string
  default     = "crawlfleet:dev"
  description = "docker: the image with crawlfleet"
}

variable "command" {
  type        = string
  default     = "/usr/local/bin/crawlfleet"
  description = "exec and raw_exec: the program on the node"
}

variable "data_dir" {
  type        = string
  default     = "/var/lib/crawlfleet"
  description = "the fleet's directory on the node; with docker it is mounted"
}

variable "node" {
  type        = string
  default     = ""
  description = "name of the node that has the directory; empty for any, for a directory that all share"
}

variable "temporal_address" {
  type        = string
  description = "host:port of the Temporal server"
}

variable "settings" {
  type        = map(string)
  default     = {}
  description = "further CRAWLFLEET_* variables that are no secrets"
}

job "crawlfleet-control" {
  type        = "service"
  datacenters = ["*"]

  group "control" {
    # One: the directory belongs to one worker at a time, which it locks.
    count = 1

    dynamic "constraint" {
      for_each = var.node == "" ? [] : [var.node]
      content {
        attribute = "${node.unique.name}"
        value     = constraint.value
      }
    }

    # The old one has to let go of the directory before the new one begins, so no canary.
    update {
      max_parallel      = 1
      min_healthy_time  = "5s"
      healthy_deadline  = "2m"
      progress_deadline = "5m"
      auto_revert       = true
    }

    # It keeps nothing that a restart could lose: the same again, for ever.
    restart {
      attempts = 5
      interval = "5m"
      delay    = "5s"
      mode     = "delay"
    }

    # On loopback, as both have no login: crawlers of other nodes come through the gateway.
    network {
      port "data_plane" {}
      port "http" {}
    }

    service {
      name     = "crawlfleet-data-plane"
      provider = "nomad"
      address  = "127.0.0.1"
      port     = "data_plane"
    }
    service {
      name     = "crawlfleet-control"
      provider = "nomad"
      address  = "127.0.0.1"
      port     = "http"
      check {
        type     = "http"
        path     = "/readyz"
        interval = "5s"
        timeout  = "3s"
      }
    }

    task "worker" {
      driver = var.driver
      # Longer than its own deadline for a clean stop.
      kill_timeout = "25s"

      dynamic "config" {
        for_each = var.driver == "docker" ? ["docker"] : []
        content {
          image           = var.image
          args            = ["worker"]
          force_pull      = false
          network_mode    = "host"
          volumes         = ["${var.data_dir}:${var.data_dir}"]
          readonly_rootfs = true
          cap_drop        = ["all"]
          security_opt    = ["no-new-privileges"]
        }
      }
      dynamic "config" {
        for_each = var.driver == "docker" ? [] : [var.driver]
        content {
          command = var.command
          args    = ["worker"]
        }
      }

      env = merge({
        TEMPORAL_ADDRESS             = var.temporal_address
        CRAWLFLEET_DATA_DIR          = var.data_dir
        CRAWLFLEET_DATA_PLANE_LISTEN = "127.0.0.1:${NOMAD_PORT_data_plane}"
        CRAWLFLEET_HTTP_LISTEN       = "127.0.0.1:${NOMAD_PORT_http}"
        CRAWLFLEET_LOG_FORMAT        = "json"
      }, var.settings)

      # Whatever is secret: nomad var put nomad/jobs/crawlfleet-control CRAWLFLEET_STORE=… …
      template {
        destination = "${NOMAD_SECRETS_DIR}/control.env"
        env         = true
        data        = <<-EOT
          {{ if nomadVarExists "nomad/jobs/crawlfleet-control" }}{{ with nomadVar "nomad/jobs/crawlfleet-control" -}}
          {{ range .Tuples }}{{ .K }}={{ .V | toJSON }}
          {{ end }}{{ end }}{{ end }}
        EOT
      }

      resources {
        cpu    = 500
        memory = 512
      }
    }
  }
}
