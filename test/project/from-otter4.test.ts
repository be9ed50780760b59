/** The page for users of Otter 4 has each of its features and parameters, once in the tables, with what it is here or why it is not. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

const page = await readFile(new URL('../../docs/from-otter4.md', import.meta.url), 'utf8');

/** How many features of each kind Otter 4 has. */
const FEATURES = { T: 14, M: 21, C: 13, R: 7, N: 7, W: 13, U: 7 };

test('every feature, with a mark and words', () => {
  for (const [kind, count] of Object.entries(FEATURES)) {
    for (let n = 1; n <= count; n += 1) {
      const lines = [...page.matchAll(new RegExp(`^\\| ${kind}${n} \\| [^|]+ \\| ([-+~]) \\| ([^|]+) \\|$`, 'gm'))];
      expect(lines, `${kind}${n}`).toHaveLength(1);
      expect(lines[0]![2]!.trim().length, `${kind}${n}`).toBeGreaterThan(5);
    }
    expect(page, `${kind}${count + 1}`).not.toMatch(new RegExp(`^\\| ${kind}${count + 1} \\|`, 'm'));
  }
});

/** As Otter 4 spells them, slips included. */
const PARAMETERS = `name description syncConsistency syncMode enableRemedy remedyAlgorithm remedyDelayThresoldForMedia
parallelism lbAlgorithm home selectorMode destinationName mainstemClientId mainstemBatchsize batchTimeout loadBatchsize extractPoolSize loadPoolSize
fileLoadPoolSize dumpEvent dumpSelector dumpSelectorDetail pipeChooseType useBatch skipSelectException skipLoadException skipDdlException skipNoRow
skipFreedom ddlSync dryRun arbitrateMode fileDetect useLocalFileMutliThread useFileEncrypt useExternalIp useTableTransform enableCompatibleMissColumn channelInfo
pushWeight pullWeight filterData resolverData columnPairMode columnPairs columnPairGroups namespace encode type url username password driver properties
groupKey master slave ip port downloadPort mbeanPort externalIp clusterName serverList authorizeType department realName
runMode zkClusterId sourcingType groupDbAddresses dbUsername dbPassword defaultDatabaseName connectionCharset slaveId positions gtidEnable indexMode metaMode
metaFileFlushPeriod transactionSize storageMode storageScavengeMode storageBatchMode memoryStorageBufferSize memoryStorageBufferMemUnit
memoryStorageRawEntry haMode mediaGroup detectingEnable heartbeatHaEnable detectingSQL detectingIntervalInSeconds detectingTimeoutThresholdInSeconds
detectingRetryTimes fallbackIntervalInSeconds receiveBufferSize sendBufferSize defaultConnectionTimeoutInSeconds blackFilter filterTableError ddlIsolation parallel
tsdbEnable tsdbJdbcUrl tsdbSnapshotInterval tsdbSnapshotExpire rdsAccesskey rdsSecretkey rdsInstanceId multiStreamEnable ssl
systemSchema systemMarkTable systemBufferTable systemDualTable retriever matchValue intervalTime receiverKey autoRecovery recoveryThresold pauseTime
DELAYTIME EXCEPTION PIPELINETIMEOUT PROCESSTIMEOUT POSITIONTIMEOUT`;

test('every parameter', () => {
  const missing = PARAMETERS.split(/\s+/).filter((name) => !page.includes(`\`${name}\``));
  expect(missing).toEqual([]);
});

test('what it calls not built yet is so, and nothing else is', async () => {
  const commands = await readFile(new URL('../../docs/commands.md', import.meta.url), 'utf8');
  const unbuilt = commands.slice(commands.indexOf('## Not built yet'));
  for (const [, name] of page.matchAll(/`otter (\w+)`[^|.;,]{0,3} is not built yet/g))
    expect(unbuilt, name).toContain(`\`${name}\``);
  for (const [, name] of page.matchAll(/not built yet \(`otter (\w+)`\)/g))
    expect(unbuilt, name).toContain(`\`${name}\``);
});
