// Wadi's function on Azure Functions (Flex Consumption), with its storage for
// checkpoints, a timer, and new blobs of a container as triggers.
targetScope = 'resourceGroup'

@description('The name of the function app: jobs call https://NAME.azurewebsites.net/api/tasks.')
param name string

@description('Where everything runs.')
param location string = resourceGroup().location

@description('The name of the storage account, which is made.')
@minLength(3)
@maxLength(24)
param storageName string

@description('When it looks whether an epoch is due: seconds, minutes, hours, days, months, days of the week.')
param schedule string = '0 * * * * *'

@description('MB of memory; with 2048 it has one core.')
@allowed([512, 2048, 4096])
param memorySize int = 2048

@description('How many tasks run at once, at most.')
@minValue(40)
@maxValue(1000)
param maxInstances int = 100

@description('The container whose new blobs begin an epoch in the jobs that read them; empty for none. It is in the same account.')
param inputContainer string = ''

@description('False at the first deployment: the key of the function, and the subscription to new blobs, need its package.')
param published bool = false

// Storage Blob Data Owner and Storage Queue Data Contributor: what the host of
// functions needs, and the checkpoints.
var roles = {
  blobs: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  queues: '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
}

resource storage 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: storageName
  location: location
  kind: 'StorageV2'
  sku: {
    name: 'Standard_LRS'
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    isHnsEnabled: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: storage
  name: 'default'
}

resource checkpoints 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: 'checkpoints'
}

resource package 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: 'package'
}

resource input 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = if (!empty(inputContainer)) {
  parent: blobs
  name: empty(inputContainer) ? 'input' : inputContainer
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: '${name}-plan'
  location: location
  kind: 'functionapp'
  sku: {
    tier: 'FlexConsumption'
    name: 'FC1'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  kind: 'functionapp,linux'
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}${package.name}'
          authentication: {
            type: 'SystemAssignedIdentity'
          }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: memorySize
        maximumInstanceCount: maxInstances
        triggers: {
          http: {
            perInstanceConcurrency: 1
          }
        }
      }
      runtime: {
        name: 'custom'
        version: '1.0'
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
    }
  }
}

var keys = listKeys('${app.id}/host/default', '2024-04-01')
var itself = published ? 'https://${app.properties.defaultHostName}/api/tasks?code=\${env:WADI_TASKS_KEY}' : ''

// They hold the key with which the function calls itself, so that they come
// behind it. Without one it runs all tasks of an epoch in one call.
resource settings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'appsettings'
  properties: {
    AzureWebJobsStorage__accountName: storage.name
    WADI_SCHEDULE: schedule
    WADI_TASKS_KEY: published ? keys.functionKeys.default : ''
    WADI_PROPERTIES: join([
      'execution.checkpointing.dir: abfss://${checkpoints.name}@${storage.name}.dfs.${environment().suffixes.storage}/wadi'
      'execution.functions.target: ${itself}'
    ], '\n')
  }
}

resource access 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in items(roles): {
  name: guid(storage.id, app.id, role.value)
  scope: storage
  properties: {
    principalId: app.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role.value)
  }
}]

resource topic 'Microsoft.EventGrid/systemTopics@2022-06-15' = if (!empty(inputContainer)) {
  name: '${name}-blobs'
  location: location
  properties: {
    source: storage.id
    topicType: 'Microsoft.Storage.StorageAccounts'
  }
}

resource newBlobs 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2022-06-15' = if (!empty(inputContainer) && published) {
  parent: topic
  name: 'wadi'
  properties: {
    destination: {
      endpointType: 'AzureFunction'
      properties: {
        resourceId: '${app.id}/functions/objects'
        maxEventsPerBatch: 1
      }
    }
    eventDeliverySchema: 'EventGridSchema'
    filter: {
      includedEventTypes: [
        'Microsoft.Storage.BlobCreated'
      ]
      subjectBeginsWith: '/blobServices/default/containers/${inputContainer}/'
    }
  }
}

@description('Jobs set execution.functions.target to it, with the key of the function.')
output target string = 'https://${app.properties.defaultHostName}/api/tasks'

@description('Jobs set execution.checkpointing.dir to it.')
output checkpointDirectory string = 'abfss://${checkpoints.name}@${storage.name}.dfs.${environment().suffixes.storage}/wadi'
