variable "function_name" {
  description = "Jobs call the function by this name (execution.functions.target = aws-lambda:NAME)."
  type        = string
  default     = "wadi"
}

variable "architecture" {
  description = "arm64 or x86_64."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "The architecture is arm64 or x86_64."
  }
}

variable "zip_directory" {
  description = "Where make lambda has written lambda-arm64.zip and lambda-amd64.zip."
  type        = string
  default     = "../../bin"
}

variable "memory_size" {
  description = "MB; with 1769 the function has one core."
  type        = number
  default     = 1769
}

variable "checkpoint_bucket" {
  description = "The name of the bucket for checkpoints, which is made."
  type        = string
}

variable "schedule" {
  description = "How often the function looks whether an epoch is due."
  type        = string
  default     = "rate(1 minute)"
}

variable "input_bucket" {
  description = "A bucket whose objects jobs read, which tells EventBridge of new ones; empty for none."
  type        = string
  default     = ""
}

variable "table_bucket" {
  description = "A bucket into which jobs write tables; empty for none."
  type        = string
  default     = ""
}
