output "function_arn" {
  description = "The function."
  value       = aws_lambda_function.function.arn
}

output "checkpoint_directory" {
  description = "Jobs set execution.checkpointing.dir to it."
  value       = "s3://${aws_s3_bucket.checkpoints.id}/checkpoints"
}
