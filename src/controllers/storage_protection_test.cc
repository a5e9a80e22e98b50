#include "controllers/storage_protection.h"

#include "controllers/testing/world.h"

namespace slipway::controllers {
namespace {

using testing::World;

void putClaim(World& world, const std::string& name) {
  world.put(kube::kPersistentVolumeClaims, fmt::format(R"({{"metadata":{{"name":"{}","namespace":"default",
    "deletionTimestamp":"2026-01-01T00:00:00Z","finalizers":["kubernetes.io/pvc-protection"]}}}})",
                                                       name));
}

Task<void> sweepOnce(World* world, StorageProtection* protection) {
  co_await world->informers.of(kube::kPersistentVolumeClaims).waitSynced();
  co_await world->informers.of(kube::kPersistentVolumes).waitSynced();
  co_await protection->sweep();
}

bool isHeld(const World& world, const kube::Resource& resource, const std::string& ns, const std::string& name) {
  const auto object = world.client.object(resource, ns, name);
  return object && !kube::items(*object, {"metadata", "finalizers"}).empty();
}

TEST(StorageProtection, ADeletedClaimGoesWhenNoPodThatRunsHasIt) {
  World world;
  for (const char* name : {"free", "used", "ended"}) putClaim(world, name);
  for (const auto& [claim, phase] : {std::pair{"used", "Running"}, std::pair{"ended", "Succeeded"}}) {
    world.put(kube::kPods, fmt::format(R"({{"metadata":{{"name":"{0}","namespace":"default"}},"spec":{{"volumes":[
      {{"name":"v","persistentVolumeClaim":{{"claimName":"{0}"}}}}]}},"status":{{"phase":"{1}"}}}})",
                                       claim, phase));
  }
  StorageProtection protection(world.client, world.informers);
  world.run({}, sweepOnce(&world, &protection));
  EXPECT_FALSE(isHeld(world, kube::kPersistentVolumeClaims, "default", "free"));
  EXPECT_TRUE(isHeld(world, kube::kPersistentVolumeClaims, "default", "used"));
  EXPECT_FALSE(isHeld(world, kube::kPersistentVolumeClaims, "default", "ended"));
}

TEST(StorageProtection, ADeletedVolumeGoesWhenItIsBoundToNothing) {
  World world;
  for (const auto& [name, phase] : {std::pair{"bound", "Bound"}, std::pair{"free", "Available"}}) {
    world.put(kube::kPersistentVolumes, fmt::format(R"({{"metadata":{{"name":"{}","deletionTimestamp":
      "2026-01-01T00:00:00Z","finalizers":["kubernetes.io/pv-protection"]}},"status":{{"phase":"{}"}}}})",
                                                    name, phase));
  }
  StorageProtection protection(world.client, world.informers);
  world.run({}, sweepOnce(&world, &protection));
  EXPECT_TRUE(isHeld(world, kube::kPersistentVolumes, "", "bound"));
  EXPECT_FALSE(isHeld(world, kube::kPersistentVolumes, "", "free"));
}

}  // namespace
}  // namespace slipway::controllers
