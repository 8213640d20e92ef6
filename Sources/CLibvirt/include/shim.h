#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
// libvirt registers callbacks of several types through one generic one and a macro that casts, which Swift cannot use: one typed door each.
static inline int slipway_on_domain_lifecycle(virConnectPtr c, virConnectDomainEventCallback f, void *opaque, virFreeCallback free) {
  return virConnectDomainEventRegisterAny(c, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(f), opaque, free);
}
// By target device (`vda`), whatever the source is called.
static inline int slipway_on_block_job(virConnectPtr c, virConnectDomainEventBlockJobCallback f, void *opaque, virFreeCallback free) {
  return virConnectDomainEventRegisterAny(c, NULL, VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2, VIR_DOMAIN_EVENT_CALLBACK(f), opaque, free);
}
static inline int slipway_on_device_added(virConnectPtr c, virConnectDomainEventDeviceAddedCallback f, void *opaque, virFreeCallback free) {
  return virConnectDomainEventRegisterAny(c, NULL, VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, VIR_DOMAIN_EVENT_CALLBACK(f), opaque, free);
}
static inline int slipway_on_device_removed(virConnectPtr c, virConnectDomainEventDeviceRemovedCallback f, void *opaque, virFreeCallback free) {
  return virConnectDomainEventRegisterAny(c, NULL, VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, VIR_DOMAIN_EVENT_CALLBACK(f), opaque, free);
}
static inline int slipway_on_pool_lifecycle(virConnectPtr c, virConnectStoragePoolEventLifecycleCallback f, void *opaque, virFreeCallback free) {
  return virConnectStoragePoolEventRegisterAny(c, NULL, VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE, VIR_STORAGE_POOL_EVENT_CALLBACK(f), opaque, free);
}
static inline int slipway_on_pool_refresh(virConnectPtr c, virConnectStoragePoolEventGenericCallback f, void *opaque, virFreeCallback free) {
  return virConnectStoragePoolEventRegisterAny(c, NULL, VIR_STORAGE_POOL_EVENT_ID_REFRESH, VIR_STORAGE_POOL_EVENT_CALLBACK(f), opaque, free);
}

// Loads libvirt. Before any other call; blocks. False writes the reason.
bool slipway_load_libvirt(char *why, size_t size);
